"""Names that a figure, a spreadsheet, a browser or a terminal would take for more than a name."""

import csv
from dataclasses import replace

import pytest

from analysis.report import write_report
from analysis.simulation.simulate import write_block
from tests.analysis.conftest import make_multiclass

CLASSES = ("$\\alpha^^$", "=cmd|' /C calc'!A0", "<script>alert(1)</script>")


@pytest.mark.faults
def test_a_report_of_odd_class_names_is_written_and_nothing_in_it_runs(tmp_path):
    block = replace(make_multiclass(arms=2, images=60), classes=CLASSES, dataset="=1+1")
    write_block(tmp_path / "predictions.parquet", block, {})
    write_report(tmp_path / "predictions.parquet", tmp_path / "out", resamples=100)
    assert "<script>alert" not in (tmp_path / "out/index.html").read_text()
    assert len(list((tmp_path / "out/figures").glob("*.png"))) > 5
    for table in (tmp_path / "out/tables").iterdir():
        text = table.read_text()
        if table.suffix == ".csv":
            for row in csv.reader(text.splitlines()):
                assert not [cell for cell in row if cell.startswith(("=", "@", "+"))], table
        elif table.suffix == ".md":
            assert "<script" not in text, table
