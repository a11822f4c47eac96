"""A published file: the same conclusions as from the run's folder, and nothing that is private."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.predictions import compact
from analysis.predictions.external import read_external
from analysis.predictions.reading import read_predictions
from analysis.publish import main, publish
from analysis.report import write_report
from analysis.study.comparison import compare_all
from analysis.study.elsewhere import elsewhere
from analysis.study.locked_plan import LockedPlan, write_plan
from analysis.study.published import without_private
from analysis.study.scores import score
from analysis.tables._rows import arm_row, claim_row
from benchmark import metrics
from benchmark.errors import InputError
from benchmark.results import DONE, SPEC, cell_folders, read_info, read_json, write_json
from tests.analysis.conftest import make_multiclass
from tests.analysis.simulated_run import settings, write_external, write_run

NUMBERS = ("estimate", "difference", "se", "ci_low", "ci_high", "p", "p_holm", "p_equivalent", "drop", "low")
SETS = ("toy", "other")
SPEC_OF_RUN = settings(datasets=SETS)
START = {
    "time": "2026-01-01T00:00:00+00:00",
    "command": "python -m benchmark.run --data-root '/home/ann/my data' --out=/scratch/ann/run --weights a=~/w.pth",
    "host": "ward7",
    "git_commit": "c0ffee",
    "hardware": {"processor": "a processor", "cores": 2, "device": "cpu"},
    "versions": {"torch": "2"},
}
LEAKS = [{"dataset": "toy", "check": "duplicates", "found": 1, "verdict": "allowed", "examples": "IM-0001.jpeg"}]
METHODS = {"scratch": "scratch", "imagenet": "fine-tune"}


@pytest.fixture
def run(tmp_path):
    """A finished run of two data sets, two n, two arms and three seeds, each cell with a test set from elsewhere."""
    return made(tmp_path / "run", SPEC_OF_RUN)


def made(folder, spec, images=60):
    """A finished run that tells all that a run tells of itself."""
    write_external(write_run(folder, spec, images=images), spec, images=images, labels="weak: as /data/x tells")
    for cell in spec.cells():
        key = {"dataset": cell.dataset, "n_per_class": cell.n_per_class, "seed": cell.seed, "arm": cell.arm}
        model = {"layers": 5 if cell.arm == "scratch" else 50, "parameters": 10, "image_size": 40}
        done = {"budget": 6, "cell": key, "model": model, "finished": f"2026-01-01T0{cell.seed}:00:00+00:00"}
        write_json(cell.folder(folder) / DONE, done)
    described = read_json(folder / SPEC) | {
        "starts": [START],
        "arms": {
            arm: {"title": f"the arm {arm}", "method": method, "architecture": "net", "weights": {}}
            for arm, method in METHODS.items()
        },
        "inputs": {f"data {name}": f"hash of {name}" for name in SETS}
        | {f"external {name} -> far": f"hash of {name}'s far" for name in SETS}
        | {"weights toy/imagenet": "abc"},
        "tables": {"leaks": LEAKS, "starts": [START]},
    }
    write_json(folder / SPEC, described)
    return folder


@pytest.fixture
def file(run, tmp_path):
    """Its published file."""
    return publish(run, tmp_path / "published" / "run.parquet").path


def conclusions(source, metric="auroc"):
    """The numbers of the main tables and of those on test sets from elsewhere, and the verdicts."""
    wanted = metrics.find(metric)
    scored = [score(block, wanted) for block in read_predictions(source).blocks]
    compared = compare_all(scored, 0.02)
    own = [(one, tuple(c for c in compared if c.scored is one)) for one in scored]
    there = elsewhere(read_external(source), wanted, 0.02, own)
    rows = [arm_row(one, a) for one in (*scored, *(of.scored for of in there)) for a in range(2)]
    rows += [claim_row(c) for c in (*compared, *(c for of in there for c in of.comparisons))]
    rows += [{"drop": of.drop(a).estimate, "low": of.drop(a).interval()[0]} for of in there for a in range(2)]
    frame = pd.DataFrame(rows)
    return frame[[*NUMBERS]], frame.select_dtypes(exclude="number")


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_conclusions_are_those_of_the_folder_but_for_rounding(tmp_path, metric):
    run = made(tmp_path / "run", SPEC_OF_RUN, images=600)
    made_file = publish(run, tmp_path / "run.parquet")
    (before, words), (after, same) = conclusions(run, metric), conclusions(made_file.path, metric)
    assert len(before) == 32 and words.equals(same), "verdicts among them"
    assert np.nanmax(np.abs(before.to_numpy() - after.to_numpy())) < 1e-3
    assert 0 < made_file.moved_mean <= made_file.moved < 1e-4 and made_file.changed == 0


def test_the_command_says_how_far_aurocs_move(run, tmp_path, capsys):
    assert main([str(run), "--out", str(tmp_path / "p.parquet")]) == 0
    said = capsys.readouterr().out
    assert "24 cells" in said and "moves a model's AUROC by at most" in said and "no verdict" in said
    assert publish(run, tmp_path / "q.parquet").incomplete is None
    assert (tmp_path / "p.parquet").read_bytes() == (tmp_path / "q.parquet").read_bytes()


def test_nothing_private_is_in_the_file(run, file):
    table = pq.read_table(file)
    for column in ("sample_id", "group_id"):
        names = pd.Series(table[column].to_pandas().unique())
        assert names.str.fullmatch(r"[0-9a-f]{12}").all()
    assert table.schema.field("y_score").type == pa.list_(pa.float32())
    metadata = b" ".join(table.schema.metadata.values()).decode()
    for word in ("/home", "/scratch", "ann", "ward7", "IM-0001", "hash of", "/data", "~/"):
        assert word not in metadata, word
    (start,) = compact.described_in(file)["starts"]
    assert start["command"] == "python -m benchmark.run --data-root 'my data' --out=run --weights a=w.pth"
    assert start["git_commit"] == "c0ffee" and compact.described_in(file)["inputs"]["weights toy/imagenet"] == "abc"
    assert len(table) == sum(
        len(pq.read_table(path)) for path in run.rglob("*.parquet") if path.stem in ("predictions", "far")
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://example.org/a/b, doi 10.1/x, and/or 1/2 a / b", None),
        ("failed: /home/ann/x y.png is damaged; ~/z, C:\\Users\\ann\\w", "failed: x y.png is damaged; z, w"),
        ("folder:/mnt/skin:group=1 source@/w/own.pth", "folder:skin:group=1 source@own.pth"),
        ("chest-xray -> nih::PNEUMONIA=A+B, CC BY 4.0; 5,856 images/patient", None),
    ],
)
def test_of_a_path_its_last_part_is_left(text, shown):
    assert without_private({"a": [text], "host": "x"}) == {"a": [shown or text]}


def test_names_are_the_same_in_every_n_and_others_under_another_key(file):
    first, second, other, _ = read_predictions(file).blocks
    assert (first.dataset, second.dataset, other.dataset) == ("other", "other", "toy")
    assert list(first.sample_ids) == list(second.sample_ids)
    assert not set(first.sample_ids) & set(other.sample_ids)
    assert compact.name_of("1", "group_id", "a") != compact.name_of("1", "group_id", "b")
    assert first.group_count == 30 and first.rho == 0.1


def test_two_images_of_one_name_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(compact, "DIGITS", 1)
    with pytest.raises(InputError, match=r"two of 60 images got the same name of 1 digits"):
        publish(run, tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_what_is_not_complete_is_refused_or_said(run, tmp_path):
    (cell_folders(run)[-1] / DONE).unlink()
    with pytest.raises(InputError, match=r"run: Incomplete: 1 of 24 cells are missing.*--partial"):
        publish(run, tmp_path / "p.parquet")
    made = publish(run, tmp_path / "p.parquet", partial=True)
    assert made.cells == 22 and "1 of 24 cells are missing" in made.incomplete
    assert compact.described_in(made.path)["incomplete"] == made.incomplete
    with pytest.raises(InputError, match="only a run's folder tells"):
        write_report(made.path, tmp_path / "again", partial=True)


def test_a_test_set_from_elsewhere_that_cells_lack_is_said(run, tmp_path):
    (cell_folders(run)[0] / "external/far.parquet").unlink()
    with pytest.raises(InputError, match=r"external/far.parquet: 1 of 12 cells lack it"):
        publish(run, tmp_path / "p.parquet")
    made = publish(run, tmp_path / "p.parquet", partial=True)
    assert {block.dataset for block in read_external(made.path).blocks} == {"toy -> far"}
    assert "1 of 12 cells lack it" in made.incomplete


def test_what_is_no_run_or_has_no_key_is_refused(run, file, tmp_path):
    for source in (file, tmp_path):
        with pytest.raises(InputError, match="is no run's folder"):
            publish(source, tmp_path / "p.parquet")
    with pytest.raises(InputError, match="give NAME"):
        publish(run, tmp_path / "p.csv")
    described = read_json(run / SPEC)
    del described["inputs"]["data toy"]
    write_json(run / SPEC, described)
    with pytest.raises(InputError, match="no hash of the images of toy"):
        publish(run, tmp_path / "p.parquet")


def test_a_report_on_the_file_knows_the_run(tmp_path):
    spec = settings(datasets=("toy",), n_per_class=(100,), seeds=4)
    run = made(tmp_path / "run", spec)
    write_plan(LockedPlan("brier", 0.03, "pool", (), (), (), "2025-01-01T00:00:00+00:00"), run / "plan.toml")
    (cell_folders(run)[-1] / DONE).unlink()
    published = publish(run, tmp_path / "p.parquet", partial=True)
    written = write_report(published.path, tmp_path / "report", resamples=100)
    assert set(written.arms["metric"]) == {"brier"} and set(written.arms["estimand"]) == {"this pool"}
    assert written.head.warnings[0] == published.incomplete and written.remarks[0] == published.incomplete
    assert any(remark.endswith("and is kept to.") for remark in written.remarks)
    assert dict(written.head.facts)["commit"] == "c0ffee" and ("imagenet", "the arm imagenet") in written.head.arms
    assert set(written.frames["models"]["layers"]) == {"5", "50"}
    assert {"attribution", "provenance", "leaks", "external_arms"} <= set(written.frames)
    assert "budget" not in written.frames
    provenance = written.frames["provenance"].set_index("item")["value"]
    assert provenance["device time"] == "2 minutes of trials on one device"
    assert provenance["time"].startswith("2026-01-01 00:00 to 2026-01-01 02:00")
    summaries = [of for of in compact.described_in(published.path)["cells"] if "model" not in of]
    assert [of["device_seconds"] for of in summaries] == [63.0, 63.0]
    assert all(0.7 < of["best_validation"] < 0.8 for of in summaries)


def test_rounding_keeps_ranks_near_both_ends_and_in_the_middle(tmp_path):
    block = make_multiclass(classes=2)
    count = block.scores.shape[3]
    for rising in (
        np.geomspace(1e-6, 0.2, count)[::-1],
        1 - np.geomspace(1e-4, 0.2, count),
        0.5 + np.linspace(1e-2, 0, count),
    ):
        scores = np.broadcast_to(np.stack([1 - rising, rising], -1), block.scores.shape)
        read = read_published(tmp_path, replace(block, task="binary", scores=scores))[0, 0, 0]
        assert (np.diff(read[:, 1]) < 0).all() and (np.diff(read[:, 0]) > 0).all()
        near = np.minimum(rising, 1 - rising)
        assert (np.abs(read[:, 1] - rising) <= near * 2.0**-compact.KEPT + 2.0**-24).all()
    assert not (read[:, 1].copy().view(np.uint32) & 0b11111).any(), "digits are dropped"


def read_published(folder, block):
    """The scores of a block that was published and read."""
    from analysis.simulation.simulate import write_block

    write_block(folder / "plain.parquet", block)
    write = {"keys": {block.dataset: "key"}, "info": read_info(folder / "plain.parquet"), "run": {}}
    compact.write_compact(folder / "small.parquet", [folder / "plain.parquet"], **write)
    (read,) = read_predictions(folder / "small.parquet").blocks
    order = [list(read.sample_ids).index(compact.name_of(name, "sample_id", "key")) for name in block.sample_ids]
    return read.scores[..., order, :]


def test_metadata_of_another_form_are_refused(tmp_path, file):
    table = pq.read_table(file)
    for text, said in ((b"{", "not JSON"), (b'{"spec": 1}', "do not describe a run")):
        pq.write_table(table.replace_schema_metadata(table.schema.metadata | {b"run": text}), tmp_path / "x.parquet")
        with pytest.raises(InputError, match=said):
            compact.described_in(tmp_path / "x.parquet")
    assert json.loads(table.schema.metadata[b"run"])["hash"] == "0"
