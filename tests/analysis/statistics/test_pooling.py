import numpy as np
import pytest
from scipy.stats import t

from analysis.statistics.pooling import pool


def test_equal_variances_have_a_closed_form():
    differences, variance = np.array([0.02, 0.05, 0.03, 0.10]), 4e-4
    pooled = pool(differences, np.full(4, variance), np.random.default_rng(0))
    assert pooled.mean == pytest.approx(differences.mean())
    assert pooled.tau**2 == pytest.approx(differences.var(ddof=1) - variance, rel=1e-4)
    se = differences.std(ddof=1) / 2
    assert pooled.se == pytest.approx(se)
    assert pooled.high - pooled.mean == pytest.approx(t.ppf(0.975, 3) * se)
    assert pooled.new_low < pooled.low and pooled.high < pooled.new_high
    weight = pooled.tau**2 / (pooled.tau**2 + variance)
    np.testing.assert_allclose(pooled.shrunken, pooled.mean + weight * (differences - pooled.mean))


def test_differences_that_agree_are_drawn_together():
    pooled = pool(np.array([0.050, 0.051, 0.049]), np.full(3, 1e-2), np.random.default_rng(0))
    assert pooled.tau == 0
    np.testing.assert_allclose(pooled.shrunken, pooled.mean)


def test_the_intervals_cover():
    rng = np.random.default_rng(0)
    mean, new = [], []
    for _ in range(600):
        variances = rng.uniform(1e-4, 9e-4, 5)
        truth = 0.03 + 0.02 * rng.standard_normal(6)
        pooled = pool(truth[:5] + np.sqrt(variances) * rng.standard_normal(5), variances, rng, draws=500)
        mean.append(pooled.low <= 0.03 <= pooled.high)
        new.append(pooled.new_low <= truth[5] <= pooled.new_high)
    assert 0.92 <= np.mean(mean) <= 0.98  # three standard errors
    assert 0.92 <= np.mean(new) <= 0.99


def test_too_few_data_sets_and_no_variance_are_refused():
    with pytest.raises(ValueError, match="at least 3"):
        pool(np.zeros(2), np.ones(2), np.random.default_rng(0))
    with pytest.raises(ValueError, match="positive"):
        pool(np.zeros(3), np.zeros(3), np.random.default_rng(0))
