"""Two holdouts of one data set, side by side."""

import math

import pandas as pd
import pytest

from analysis import report
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import shift
from benchmark import metrics
from tests.analysis.conftest import make_block


@pytest.fixture
def two(tmp_path):
    """The same arms on an official test where they are poor, and on a patient-disjoint share."""
    poor, good = make_block(0, auroc=(0.7, 0.72, 0.74)), make_block(1, auroc=(0.85, 0.88, 0.9))
    write_block(tmp_path / "official.parquet", poor, {"holdout": "official"})
    write_block(tmp_path / "grouped.parquet", good, {"holdout": "grouped"})
    return tmp_path / "official.parquet", tmp_path / "grouped.parquet"


def test_the_shift_of_every_arm_with_its_interval(two, tmp_path):
    frame = report.write_report(two[0], tmp_path / "out", resamples=200, other_holdout=two[1]).frames["shift"]
    assert frame["arm"].tolist() == ["scratch", "imagenet", "medical"]
    assert set(frame["holdout"]) == {"official"} and set(frame["other_holdout"]) == {"grouped"}
    assert (frame["shift"] == frame["estimate"] - frame["other_estimate"]).all()
    assert (frame["shift"] < -0.05).all() and (frame["ci_high"] < 0).all()
    one, other = (score(read_predictions(path).blocks[0], metrics.find("auroc")).arm(0) for path in two)
    assert frame["se"][0] == pytest.approx(math.hypot(one.se, other.se))
    assert min(one.df, other.df) <= frame["df"][0] <= one.df + other.df
    assert pd.read_csv(tmp_path / "out/tables/shift.csv")["shift"].to_numpy() == pytest.approx(frame["shift"])
    assert "The same arms on another holdout" in (tmp_path / "out/index.html").read_text()


def test_one_and_the_same_holdout_has_no_shift(two, tmp_path):
    written = report.write_report(two[0], tmp_path / "out", resamples=200, other_holdout=two[0])
    assert "shift" not in written.frames
    assert any("no shift to show" in remark for remark in written.remarks)


def test_arms_that_the_other_run_lacks_are_left_out(two, tmp_path):
    write_block(tmp_path / "few.parquet", make_block(2, auroc=(0.9, 0.9)), {"holdout": "grouped"})
    predictions, other = (read_predictions(path) for path in (two[0], tmp_path / "few.parquet"))
    assert shift.build(study(predictions, resamples=100, other=other)).empty
