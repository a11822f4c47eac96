from dataclasses import replace

import pytest

from analysis.predictions.block import Predictions
from analysis.study.study import study
from analysis.tables import pooled
from tests.analysis.conftest import make_block


def computed(datasets):
    blocks = tuple(replace(make_block(seed=i, auroc=(0.75, 0.8)), dataset=f"data {i}") for i in range(datasets))
    return study(Predictions(blocks, {}, ()), resamples=100)


def test_three_data_sets_give_a_mean_a_new_one_and_each_shrunken():
    frame = pooled.build(computed(3))
    assert frame["estimate_for"].tolist() == [
        "the mean over data sets",
        "a new data set",
        *(f"data {i}, shrunken" for i in range(3)),
    ]
    mean, new = frame.iloc[0], frame.iloc[1]
    assert new["ci_low"] <= mean["ci_low"] < mean["difference"] < mean["ci_high"] <= new["ci_high"]
    differences = [comparison.estimate for comparison in computed(3).comparisons]
    assert frame["difference"][2:].mean() == pytest.approx(mean["difference"], abs=0.02)
    assert frame["difference"][2:].std() <= max(differences) - min(differences)


def test_two_data_sets_are_too_few():
    assert pooled.build(computed(2)) is None
