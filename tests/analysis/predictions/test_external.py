"""Predictions of test sets from elsewhere: in a run's folder, and in a table of one's own."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis import report
from analysis.predictions.external import only, read_external
from analysis.predictions.reading import read_predictions
from benchmark.errors import InputError
from benchmark.results import PREDICTION_COLUMNS, cell_folders, read_info, read_table, write_table
from tests.analysis.simulated_run import settings, write_external, write_run

SPEC = settings(datasets=("toy",), n_per_class=(100,))


@pytest.fixture
def run(tmp_path):
    """A finished run of two arms and three seeds, every cell with a test set from elsewhere."""
    return write_external(write_run(tmp_path / "run", SPEC), SPEC)


def test_the_own_holdout_is_read_without_what_is_elsewhere(run):
    assert {block.dataset for block in read_predictions(run).blocks} == {"toy"}
    there = read_external(run)
    (block,) = there.blocks
    assert block.dataset == "toy -> far" and block.scores.shape[:2] == (2, 3) and there.remarks == ()


def test_a_cell_that_lacks_it_leaves_the_test_set_out_with_a_remark(run):
    (cell_folders(run)[0] / "external/far.parquet").unlink()
    there = read_external(run)
    assert there.blocks == () and "1 of 6 cells lack it" in there.remarks[0]
    assert read_external(run, cells=cell_folders(run)[1:2]).blocks, "of the cells that are analysed none lacks it"
    (cell_folders(run)[0] / "external/far.parquet").write_text("no table")
    assert "is left out" in read_external(run).remarks[0]


def test_a_run_without_any_has_none(tmp_path):
    assert read_external(write_run(tmp_path / "old", SPEC)) is None


def test_a_report_gives_a_chapter_and_leaves_the_rest_as_it_is(run, tmp_path):
    with_there = report.write_report(run, tmp_path / "with", resamples=100)
    for folder in cell_folders(run):
        (folder / "external/far.parquet").unlink()
    report.write_report(run, tmp_path / "without", resamples=100)
    names = [path.name for path in (tmp_path / "without/tables").iterdir() if path.is_file()]
    assert not any(name.startswith("external") for name in names)
    for name in names:
        if name.partition(".")[0] in ("claim", "tripod_ai", "reforms", "provenance"):  # which say whether there is one
            continue
        assert (tmp_path / "with/tables" / name).read_bytes() == (tmp_path / "without/tables" / name).read_bytes()
    arms = pd.read_csv(tmp_path / "with/tables/external_arms.csv")
    assert set(arms["dataset"]) == {"toy -> far"} and len(arms) == 2
    ((_, _, answer),) = with_there.head.answers
    assert answer.count("On a test set from elsewhere (far)") == 1 and "its labels are weak" in answer
    page = with_there.index.read_text()
    assert ">A test set from elsewhere</h2>" in page and 'id="figure-external"' in page


def test_one_test_set_can_be_reported_by_itself(run, tmp_path):
    written = report.write_report(run, tmp_path / "there", resamples=100, external="far")
    assert set(written.arms["dataset"]) == {"toy -> far"} and "external_arms" not in written.frames
    assert "sensitivity" in written.frames and written.sentences
    with pytest.raises(InputError, match="unknown test set from elsewhere 'fra'"):
        report.write_report(run, tmp_path / "x", external="fra")
    with pytest.raises(InputError, match="unknown test set from elsewhere"):
        only(None, "far")


def test_a_table_of_ones_own_may_hold_both(run, tmp_path):
    files = sorted(run.rglob("predictions.parquet")) + sorted(run.rglob("far.parquet"))
    infos = [read_info(file) for file in files]
    merged = replace(
        infos[0],
        classes=infos[0].classes | infos[-1].classes,
        tasks=infos[0].tasks | infos[-1].tasks,
        facts=infos[0].facts | infos[-1].facts,
    )
    frame = pd.concat([read_table(file) for file in files])
    write_table(tmp_path / "both.parquet", frame, PREDICTION_COLUMNS, merged)
    assert [block.dataset for block in read_predictions(tmp_path / "both.parquet").blocks] == ["toy"]
    assert [block.dataset for block in read_external(tmp_path / "both.parquet").blocks] == ["toy -> far"]
    assert json.dumps(merged.facts["toy -> far"])
    alone = read_predictions(files[-1])
    assert [block.dataset for block in alone.blocks] == ["toy -> far"], "a file of it alone is what it is"
