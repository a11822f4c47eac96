import pytest

from analysis.page import current
from benchmark.results import DONE, PLAN, SPEC, write_json


@pytest.fixture
def run(tmp_path):
    """A run's folder whose report was just written."""
    write_json(tmp_path / "run" / SPEC, {"spec": {}})
    write_json(tmp_path / "run/cells/toy/n8/seed00/a" / DONE, {"budget": 2})
    (tmp_path / "run/report/tables").mkdir(parents=True)
    (tmp_path / "run/report/tables/arms.csv").write_text("arm\n")
    current.keep(tmp_path / "run", tmp_path / "run/report", "the summary\n")
    return tmp_path / "run"


def test_a_report_of_the_same_inputs_is_current(run):
    assert current.current_summary(run, run / "report") == "the summary\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda run: write_json(run / SPEC, {"spec": {"seeds": 3}}),
        lambda run: (run / PLAN).write_text("metric"),
        lambda run: write_json(run / "cells/toy/n8/seed00/a" / DONE, {"budget": 3}),
        lambda run: write_json(run / "cells/toy/n8/seed01/a" / DONE, {"budget": 2}),
        lambda run: (run / "report/tables/arms.csv").write_text("Arm\n"),
        lambda run: (run / "report/tables/arms.csv").unlink(),
        lambda run: (run / "report" / current.RECORD).write_text("[]"),
        lambda run: (run / "report" / current.RECORD).unlink(),
    ],
)
def test_it_is_not_when_an_input_or_the_report_changed(run, change):
    change(run)
    assert current.current_summary(run, run / "report") is None


def test_it_is_not_when_the_code_changed(run, monkeypatch, tmp_path):
    (tmp_path / "code/analysis").mkdir(parents=True)
    monkeypatch.setattr(current, "CODE", tmp_path / "code")
    assert current.current_summary(run, run / "report") is None
