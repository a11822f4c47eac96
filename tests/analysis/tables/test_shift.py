"""Two holdouts of one data set, side by side."""

import math

import pandas as pd
import pytest

from analysis import report
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.scores import score
from analysis.tables import shift
from tests.analysis.conftest import make_block


@pytest.fixture
def two(tmp_path):
    """The same arms on an official test where they are poor, and on a patient-disjoint share."""
    poor, good = make_block(0, auroc=(0.7, 0.72, 0.74)), make_block(1, auroc=(0.85, 0.88, 0.9))
    write_block(tmp_path / "official.parquet", poor, {"holdout": "official"})
    write_block(tmp_path / "grouped.parquet", good, {"holdout": "grouped"})
    return tmp_path / "official.parquet", tmp_path / "grouped.parquet"


def test_the_shift_of_every_arm_with_its_interval(two, tmp_path):
    found = report.write_report(two[0], tmp_path / "out", resamples=200, beside=two[1]).frames["shift"]
    assert found["arm"].tolist() == ["scratch", "imagenet", "medical"]
    assert set(found["holdout"]) == {"official"} and set(found["other_holdout"]) == {"grouped"}
    assert (found["shift"] == found["estimate"] - found["other_estimate"]).all()
    assert (found["shift"] < -0.05).all() and (found["ci_high"] < 0).all()
    one, other = (score(read_predictions(path).blocks[0], "auroc").arm(0) for path in two)
    assert found["se"][0] == pytest.approx(math.hypot(one.se, other.se))
    assert min(one.df, other.df) <= found["df"][0] <= one.df + other.df
    assert pd.read_csv(tmp_path / "out/tables/shift.csv")["shift"].to_numpy() == pytest.approx(found["shift"])
    assert "The same arms on another holdout" in (tmp_path / "out/index.html").read_text()


def test_one_and_the_same_holdout_has_no_shift(two, tmp_path):
    found = report.write_report(two[0], tmp_path / "out", resamples=200, beside=two[0])
    assert "shift" not in found.frames
    assert any("no shift to show" in remark for remark in found.remarks)


def test_arms_that_the_other_run_lacks_are_left_out(two, tmp_path):
    write_block(tmp_path / "few.parquet", make_block(2, auroc=(0.9, 0.9)), {"holdout": "grouped"})
    predictions, other = (read_predictions(path) for path in (two[0], tmp_path / "few.parquet"))
    assert shift.table([score(predictions.blocks[0], "auroc")], predictions, other).empty
