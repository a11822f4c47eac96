"""Effect sizes have one sign convention in all tables: positive where b is better."""

from dataclasses import replace

import pytest

from analysis.predictions.block import Predictions
from analysis.study.study import study
from analysis.tables import effects, pairwise
from tests.analysis.conftest import make_block


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_pairwise_and_effects_agree(metric):
    block = replace(make_block(auroc=(0.7, 0.95), seeds=4, images=300), arms=("scratch", "imagenet"))
    computed = study(Predictions((block,), {}, ()), metric, resamples=100)
    one, other = pairwise.build(computed).iloc[0], effects.build(computed).iloc[0]
    assert one["hedges_g"] == other["hedges_g"] > 0
    assert one["p_superior"] == other["p_superior"] == 1
    assert (one["difference"] > 0) == (metric == "auroc")
