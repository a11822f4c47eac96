"""The calibrated critical value: its size for every true share, and that p-values and intervals belong together."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from analysis.statistics import critical as calibrated
from analysis.statistics.critical import LEVELS, critical, p_value

SHARES = np.unique(np.concatenate([np.linspace(0, 0.95, 30), 1 - np.geomspace(0.05, 1e-3, 15), [1.0]]))


def sizes(seeds, alpha):
    """Of every true share, by a sum over 20,000 quantiles of chi-squared: another rule than the fit's."""
    q = stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, seeds - 1) / (seeds - 1)
    total = SHARES[:, None] * q + (1 - SHARES[:, None])
    return 2 * ndtr(-critical(SHARES[:, None] * q / total, seeds, alpha) * np.sqrt(total)).mean(axis=1)


@pytest.mark.parametrize(("seeds", "low", "high"), [(3, 0.0475, 0.0505), (4, 0.0495, 0.0502), (10, 0.0495, 0.0502)])
def test_size_is_alpha_whatever_the_seeds_share(seeds, low, high):
    actual = sizes(seeds, 0.05)
    assert low <= actual.min() and actual.max() <= high


@pytest.mark.parametrize("seeds", [3, 5, 10, 50])
@pytest.mark.parametrize("alpha", [0.3, 0.05 / 3, 0.05 / 18, 0.001])
def test_size_is_not_above_alpha_at_other_levels(seeds, alpha):
    actual = sizes(seeds, alpha)
    assert actual.max() <= 1.015 * alpha
    if seeds == 10:
        assert actual.min() >= 0.99 * alpha


def test_hillis_is_too_lenient_where_this_is_not():
    q = stats.chi2.ppf((np.arange(20_000) + 0.5) / 20_000, 2) / 2
    total = 0.9 * q + 0.1
    bound = stats.t.isf(0.05 / 36, 2 / (0.9 * q / total) ** 2)
    assert 2 * ndtr(-bound * np.sqrt(total)).mean() > 5 * 0.05 / 18


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 60])
def test_from_the_normal_quantile_to_students(seeds):
    shares = np.linspace(0, 1, 201)
    for alpha in (0.5, 0.05, 0.05 / 7, 1e-6):
        values = critical(shares, seeds, alpha)
        assert values[0] == pytest.approx(stats.norm.isf(alpha / 2), rel=1e-12)
        assert values[-1] == pytest.approx(stats.t.isf(alpha / 2, seeds - 1), rel=1e-9)
        assert (np.diff(values[:-1]) >= 0).all()


@pytest.mark.parametrize("seeds", [2, 3, 4, 10])
def test_no_smaller_for_a_smaller_alpha(seeds):
    shares = np.linspace(0, 1, 101)
    levels = np.geomspace(0.9, 1e-6, 60)
    assert (np.diff([critical(shares, seeds, alpha) for alpha in levels], axis=0) >= -1e-12).all()


@pytest.mark.parametrize("seeds", [3, 10, 60])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.93, 1.0])
def test_p_is_the_level_whose_critical_value_the_statistic_is(seeds, share):
    statistics = np.linspace(0.01, 12, 40)
    p = np.array([p_value(statistic, share, seeds) for statistic in statistics])
    assert (np.diff(p) < 0).all() and p[0] > 0.98
    assert p_value(-2.5, share, seeds) == p_value(2.5, share, seeds)
    for alpha in (0.4, 0.05, 0.05 / 18, 1e-6):
        assert p_value(float(critical(share, seeds, alpha)), share, seeds) == pytest.approx(alpha, rel=1e-6)


def test_p_is_uniform_or_conservative():
    rng = np.random.default_rng(3)
    for seeds, omega in ((3, 0.8), (5, 0.6)):
        q = rng.chisquare(seeds - 1, 4000) / (seeds - 1)
        total = omega * q + 1 - omega
        statistic = rng.normal(size=4000) / np.sqrt(total)
        p = np.array([p_value(t, w, seeds) for t, w in zip(statistic, omega * q / total, strict=True)])
        for alpha in (0.5, 0.2, 0.05, 0.01):
            assert np.mean(p < alpha) <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 4000)
        assert np.mean(p < 0.2) == pytest.approx(0.2, abs=0.02)


def test_the_grid_of_levels_falls():
    assert list(LEVELS) == sorted(LEVELS, reverse=True)
    assert calibrated.KNOTS[0] == 0 and calibrated.KNOTS[-1] == 1
