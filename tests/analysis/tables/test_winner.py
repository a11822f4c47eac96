import numpy as np
import pytest

from analysis.predictions.block import Predictions
from analysis.study.arms_covariance import arms_covariance
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import winner
from benchmark import metrics
from tests.analysis.conftest import make_block


def test_the_diagonal_is_the_joint_variance():
    scored = score(make_block(auroc=(0.7, 0.8, 0.85), seeds=5), metrics.find("auroc"))
    covariance = arms_covariance(scored)
    for a in range(3):
        assert covariance[a, a] == pytest.approx(scored.arm(a).se ** 2, rel=1e-9)
    difference = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert difference == pytest.approx(scored.pair(0, 1).se ** 2, rel=1e-9)


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_the_best_arm_is_corrected_towards_the_others(metric):
    block = make_block(auroc=(0.8, 0.8, 0.8), seeds=4)
    computed = study(Predictions((block,), {}, ()), metric=metric, resamples=100)
    (row,) = winner.build(computed).to_dict("records")
    means = computed.scored[0].values.mean(axis=1)
    sign = computed.primary.sign
    assert row["estimate"] == sign * (sign * means).max()
    assert sign * row["corrected"] < sign * row["estimate"]
    assert np.isclose(row["estimate"] - row["bias"], row["corrected"])


def test_one_arm_has_no_winner():
    block = make_block(auroc=(0.8,), seeds=3)
    assert winner.build(study(Predictions((block,), {}, ()), resamples=100)) is None
