import numpy as np
import pytest

from analysis.statistics.selection import winners_bias


def left(gap, arms, corrected, simulations=400):
    """Mean excess of the best arm's estimate over its true mean, corrected or not; estimates have variance 1."""
    rng = np.random.default_rng(0)
    truth = np.zeros(arms)
    truth[-1] = gap
    excess = []
    for _ in range(simulations):
        found = truth + rng.standard_normal(arms)
        bias = winners_bias(found, np.eye(arms), rng, draws=500) if corrected else 0.0
        excess.append(found.max() - bias - truth[found.argmax()])
    return float(np.mean(excess))


@pytest.mark.parametrize("arms", [2, 4])
def test_most_of_the_curse_is_lifted_where_arms_are_equal(arms):
    assert left(0, arms, corrected=False) > 0.45
    assert abs(left(0, arms, corrected=True)) < 0.45 * left(0, arms, corrected=False)


def test_a_clear_winner_keeps_its_estimate():
    rng = np.random.default_rng(1)
    assert winners_bias(np.array([0.6, 0.7, 0.9]), 1e-4 * np.eye(3), rng) < 1e-4


def test_correlated_arms_are_cursed_less():
    means, rng = np.zeros(3), np.random.default_rng(2)
    shared = np.full((3, 3), 0.9) + 0.1 * np.eye(3)
    assert winners_bias(means, shared, rng) < 0.5 * winners_bias(means, np.eye(3), rng)


def test_one_arm_and_no_variance_have_no_bias():
    rng = np.random.default_rng(3)
    assert winners_bias(np.array([0.8]), np.eye(1), rng) == 0
    assert winners_bias(np.array([0.8, 0.7]), np.zeros((2, 2)), rng) == 0
