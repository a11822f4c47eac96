"""Ranks over data sets: from six on, over the arms that all of them have."""

from dataclasses import replace

import pytest

from analysis.predictions.block import Predictions
from analysis.statistics.ranks import critical_difference
from analysis.study.study import study
from analysis.tables import ranks
from tests.analysis.conftest import ARMS, make_block


def study_of_many(count, metric="auroc", **changes):
    blocks = [
        replace(make_block(d, auroc=(0.6, 0.75, 0.9), seeds=2, images=60, **changes), dataset=f"set {d}")
        for d in range(count)
    ]
    # The last data set lacks the last arm.
    blocks[-1] = replace(blocks[-1], arms=ARMS[:2], scores=blocks[-1].scores[:2])
    return study(Predictions(tuple(blocks), {}, ()), metric, resamples=100)


def test_five_data_sets_are_too_few():
    assert ranks.build(study_of_many(5)) is None


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_six_data_sets_rank_the_arms_that_all_have(metric):
    frame = ranks.build(study_of_many(6, metric))
    assert frame["arm"].tolist() == list(ARMS[:2])
    assert set(frame["datasets"]) == {6} and set(frame["metric"]) == {metric}
    assert frame["mean_rank"].sum() == pytest.approx(3)
    assert frame["critical_difference"].to_numpy() == pytest.approx(critical_difference(6, 2))
    if metric == "auroc":
        assert frame["mean_rank"].tolist() == [2, 1] and (frame["p"] < 0.05).all()
