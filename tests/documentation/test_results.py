"""The published files of results/: small, without anything private, each on its page, and redone in one command."""

import json
import re
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis import figures
from analysis.report import write_report
from analysis.study.comparison import compare_all
from analysis.study.scores import score
from benchmark import metrics
from tests.analysis.conftest import make_block
from tests.documentation import results
from tests.documentation.generated import DOCS, PART
from tests.documentation.results import RESULTS

FILES = sorted(RESULTS.glob("*.parquet"))
LARGEST = 20_000_000  # bytes of all files together
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")
#: What only a person's machine, or the owner of a data set, would call something.
PRIVATE = (
    r"(?<![\w./~:])[~/]/?[\w.]+/",  # a path that starts at the root, or at home
    r"[A-Za-z]:\\",
    r"\.(jpe?g|png|dcm|tiff?|bmp|webp)\b",
    r"person\d+_|IM-\d{4}|(ISIC|HAM)_\d+|patient\d+|\d{8}_\d{3}",
)


def test_there_are_files_and_together_they_are_small():
    assert FILES and sum(file.stat().st_size for file in FILES) < LARGEST
    assert all(file.suffix == ".parquet" for file in RESULTS.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_no_image_no_patient_and_no_place(file):
    table = pq.read_table(file)
    assert set(table.schema.metadata) == {b"benchmark", b"run"}
    for column in ("sample_id", "group_id"):
        assert pd.Series(table[column].unique().to_pylist()).str.fullmatch(r"[0-9a-f]{12}").all()
    texts = [value.decode() for value in table.schema.metadata.values()]
    texts += [text for column in ("dataset", "arm") for text in table[column].unique().to_pylist()]
    for text in texts:
        for pattern in PRIVATE:
            assert re.search(pattern, text) is None, re.search(pattern, text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_tells_what_its_reader_must_know(file):
    metadata = pq.read_schema(file).metadata
    run = json.loads(metadata[b"run"])
    assert run["spec"] and run["hash"] and run["arms"] and run["starts"][-1]["git_commit"]
    assert {"hardware", "versions", "command"} <= set(run["starts"][-1])
    assert sum(record.get("device_seconds", 0) for record in run["cells"]) > 0
    for name, facts in json.loads(metadata[b"benchmark"]).items():
        assert {"task", "classes", "overlap", "training_prior", "holdout", "title", "source", "licence"} <= set(
            facts
        ), name


def test_every_file_stands_on_the_page():
    named = [part[1].split()[1] for part in PART.finditer(PAGE) if part[1].startswith("result ")]
    assert sorted(named) == [file.stem for file in FILES]


def test_the_command_on_the_page_gives_the_tables_on_the_page(tmp_path, monkeypatch):
    file = RESULTS / "chest-xray-50.parquet"
    assert f"python -m analysis.report results/{file.name} --out DIR" in PAGE
    monkeypatch.setattr(figures, "draw_all", lambda *_, **__: [])  # which take most of the time
    written = write_report(file, tmp_path, resamples=100)
    for row in written.pairwise.itertuples():
        shown = f"| {row.arm_b} - {row.arm_a} | {row.difference:+.3f} | {row.ci_low:+.3f} to {row.ci_high:+.3f} |"
        assert shown in PAGE and f"| {row.verdict} |" in PAGE.partition(shown)[2].partition("\n")[0]
    for row in written.arms.itertuples():
        assert f"| `{row.arm}` | {row.estimate:.3f} ({row.ci_low:.3f} to {row.ci_high:.3f}) |" in PAGE
    for row in written.frames["external_drop"].itertuples():
        assert f"| {row.drop:.3f} ({row.ci_low:.3f} to {row.ci_high:.3f}) |" in PAGE


def test_of_many_arms_the_pairs_that_matter_are_shown_and_several_n_have_a_curve():
    sizes = (50, 100)
    arms = tuple(f"arm{a}" for a in range(8))
    made = [make_block(auroc=(0.6, 0.95, *[0.7] * 6), seeds=3, images=200) for _ in sizes]
    made = [replace(block, arms=arms, n_per_class=n) for block, n in zip(made, sizes, strict=True)]
    scored = [score(block, metrics.find("auroc")) for block in made]
    compared = compare_all(scored, 0.02)
    blocks = {one: tuple(c for c in compared if c.scored is one) for one in scored}
    lines = results.differences(blocks)
    rows = [line.split(" | ") for line in lines[2:] if line.startswith("| ")]
    values = [cell.strip("| ") for row in rows for cell in row[4:5]]
    surest = [value.startswith("< ") or float(value) < 0.05 for value in values]
    decided = [row[-1].startswith(("better", "worse", "equivalent")) for row in rows]
    assert all(sure or known for sure, known in zip(surest, decided, strict=True)) and any(decided)
    assert not all(decided), "p below .05 before the correction alone"
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=lambda n: int(n[2:]))
    assert (
        lines[-1].startswith("Not shown: pairs that are open and have p of 0.05 or more (")
        and lines[-1].count(" of 28 at n = ") == 2
    )
    curve = results.curve(blocks)
    assert curve[0] == "| AUROC (95% CI) | n = 50 | n = 100 |" and len(curve) == 10 and curve[2].startswith("| `arm1`")
    few = results.differences({one: of[:3] for one, of in blocks.items() if one is scored[0]})
    assert few[0].startswith("| difference |"), "without a column n"
