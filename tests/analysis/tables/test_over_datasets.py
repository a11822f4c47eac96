"""Claims over several data sets, in both directions."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.predictions.block import Predictions
from analysis.statistics.multiplicity import partial_conjunction
from analysis.study.study import study
from analysis.tables import over_datasets
from tests.analysis.conftest import make_block


def built(*aurocs, metric="auroc"):
    blocks = [
        replace(make_block(i, auroc=pair, seeds=5, images=300), dataset=f"d{i}", arms=("scratch", "imagenet"))
        for i, pair in enumerate(aurocs)
    ]
    computed = study(Predictions(tuple(blocks), {}, ()), metric, resamples=100)
    return computed, over_datasets.build(computed)


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_an_arm_that_loses_everywhere_has_its_row(metric):
    _, frame = built((0.95, 0.7), (0.95, 0.72), (0.95, 0.7), metric=metric)
    assert frame.groupby("direction").size().to_dict() == {"b better": 3, "b worse": 3}
    last = frame[frame["on_at_least"] == 3].set_index("direction")
    assert last.loc["b worse", "p_at_least"] < 0.05 and last.loc["b worse", "p_all"] < 0.05
    assert last.loc["b better", "p_all"] == 1
    assert (frame["p_all"] == frame.groupby("direction")["p_at_least"].transform("last")).all()


def test_both_directions_are_tried_and_both_are_corrected_for_it():
    computed, frame = built((0.7, 0.9), (0.75, 0.85), (0.9, 0.85))
    one_sided = [c.inference.p / 2 if c.favours_b else 1 - c.inference.p / 2 for c in computed.comparisons]
    for row in frame[frame["direction"] == "b better"].itertuples():
        assert row.p_at_least == pytest.approx(min(1, 2 * partial_conjunction(one_sided, row.on_at_least)))


def test_under_no_difference_either_claim_is_false_in_at_most_five_of_a_hundred():
    """Both directions together, on at least one of three data sets: uniform one-sided p-values."""
    rng = np.random.default_rng(0)
    false = 0
    for upper in rng.random((4000, 3)):
        claims = [min(1, 2 * partial_conjunction(p, 1)) for p in (upper, 1 - upper)]
        false += min(claims) < 0.05
    assert false / 4000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
