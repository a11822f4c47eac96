"""Every table keeps its contract; a new file is tried without being named here."""

import math
import sys

import pandas as pd
import pytest

from analysis import report, tables
from analysis.page import formats
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.decomposition import decomposition
from analysis.study.study import study
from tests.analysis.conftest import make_block

#: Today's tables, in today's order; others may come between.
KNOWN = [
    "arms",
    "pairwise",
    "over_datasets",
    "ranks",
    "shift",
    "label_gain",
    "sensitivity",
    "equivalence",
    "multiplicity",
    "variance",
    "power",
    "effects",
    "exploratory_arms",
    "exploratory_pairwise",
    "bootstrap",
    "prior_corrected",
    "prior_corrected_pairwise",
    "calibration",
    "net_benefit",
    "budget",
    "optimism",
    "crossing",
    "expected_maximum",
    "holdout",
]


@pytest.mark.parametrize("table", tables.MODULES.all(), ids=lambda table: table.NAME)
def test_a_table_says_how_it_is_read_and_builds(full_study, tmp_path, table):
    for text in (table.NAME, table.CHAPTER, table.TITLE, table.CAPTION):
        assert text.strip() == text != ""
    assert table.CAPTION.endswith(".")
    frame = table.build(full_study)
    assert frame is not None or table.NAME not in KNOWN or table.NAME == "ranks"
    if frame is None:
        return
    assert list(frame.columns) == list(dict.fromkeys(frame.columns))
    unexplained = [column for column in frame.columns if tables.meaning(table, column) is None]
    assert not unexplained, f"say what they mean, as MEANINGS in analysis/tables/{table.NAME}.py"
    formats.write(frame, tmp_path, table.NAME)
    back = pd.read_csv(tmp_path / f"{table.NAME}.csv")
    assert list(back.columns) == list(frame.columns) and len(back) == len(frame)
    for kind in ("md", "tex"):
        assert (tmp_path / f"{table.NAME}.{kind}").stat().st_size


@pytest.mark.parametrize("table", tables.MODULES.all(), ids=lambda table: table.NAME)
def test_a_table_copes_with_one_arm_and_one_seed_from_predictions_alone(alone, table):
    frame = table.build(alone)
    assert frame is None or isinstance(frame, pd.DataFrame)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "p.parquet"
    write_block(path, make_block(auroc=(0.8,), seeds=1, images=60))
    return study(read_predictions(path), resamples=100)


def test_the_tables_are_found_in_order(full_study):
    names = [name for name in tables.MODULES.names() if name in KNOWN]
    assert names == KNOWN
    assert [name for name in tables.build_all(full_study) if name in KNOWN] == [n for n in KNOWN if n != "ranks"]


def test_without_comparisons_and_trials_only_what_has_rows_is_kept_but_for_the_main_tables(alone):
    frames = tables.build_all(alone)
    assert len(frames["pairwise"]) == 0 and len(frames["arms"]) == 1
    assert not {"power", "variance", "effects", "budget", "optimism", "shift"} & set(frames)


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """A folder whose files are tables too, while the test lasts."""
    folder = tmp_path / "tables"
    folder.mkdir()
    monkeypatch.setattr(tables, "__path__", [*tables.__path__, str(folder)])
    before = set(sys.modules)
    tables.MODULES.forget()
    yield folder
    monkeypatch.undo()
    tables.MODULES.forget()
    for name in set(sys.modules) - before:
        if name.startswith("analysis.tables."):
            del sys.modules[name]


WHOLE = """
NAME, ORDER, CHAPTER, TITLE, CAPTION = "counts", 11, "Main results", "Counts", "Counts."


def build(study):
    import pandas as pd

    return pd.DataFrame({"blocks": [len(study.blocks)]})
"""


def test_a_half_written_table_is_left_out_with_a_message_and_the_report_goes_on(extra, tmp_path, capsys):
    (extra / "half.py").write_text('NAME = "half"\nORDER = 5\n')
    (extra / "unparsable.py").write_text("def build(study:\n")
    (extra / "counts.py").write_text(WHOLE)
    write_block(tmp_path / "p.parquet", make_block(auroc=(0.7, 0.8), seeds=3, images=60))
    written = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    warnings = capsys.readouterr().err
    assert "half.py: it lacks CHAPTER" in warnings and "unparsable.py: it cannot be imported" in warnings
    assert list(written.frames)[:3] == ["arms", "counts", "pairwise"]
    assert not {"half", "unparsable"} & set(written.frames)
    assert (tmp_path / "out/tables/counts.csv").read_text() == "blocks\n1\n"
    assert "Counts" in written.index.read_text()


def test_a_name_that_cannot_be_a_file_is_refused(extra):
    (extra / "slash.py").write_text(WHOLE.replace('"counts"', '"a/b"'))
    assert "cannot be a file's name" in tables.MODULES.problems()[0]


def test_variances_and_shares_of_a_single_seed_are_nan(tmp_path):
    write_block(tmp_path / "p.parquet", make_block(auroc=(0.7, 0.8), seeds=1, images=60))
    (comparison,) = study(read_predictions(tmp_path / "p.parquet"), resamples=100).comparisons
    parts = decomposition(comparison)
    assert math.isnan(parts.patients) and math.isnan(parts.seeds) and parts.of_mean > 0
