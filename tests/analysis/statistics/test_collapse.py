"""Which training runs count as failed, and the intervals that stand beside them."""

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.collapse import clopper_pearson, far_below, median_interval, near_chance


def test_near_chance_is_a_bound_that_includes_a_half():
    aurocs, errors = np.array([0.50, 0.53, 0.56, 0.56, 0.45]), np.array([0.02, 0.02, 0.02, 0.05, 0.01])
    assert near_chance(aurocs, errors).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.90, 0.91, 0.55], [2]),  # three seeds: the other two alone say how far is far
        ([0.90, 0.90, 0.88], []),  # a tiny MAD is no reason
        ([0.90, 0.901, 0.70, 0.899, 0.902], [2]),
        ([0.90, 0.80, 0.70, 0.85, 0.75], []),  # all spread
        ([0.60, 0.61, 0.95, 0.62, 0.60], []),  # far above is no failure
        ([0.90, 0.91, 0.50, 0.52, 0.92, 0.9, 0.91], [2, 3]),
        ([0.90, 0.50], []),
    ],
)
def test_far_below_the_other_seeds(values, expected):
    assert np.flatnonzero(far_below(np.array(values), 0.02)).tolist() == expected


def test_few_false_alarms_among_normal_seeds():
    rng = np.random.default_rng(0)
    for seeds, most in ((3, 0.02), (5, 0.01), (10, 0.01)):
        alarms = [far_below(rng.normal(0.85, 0.02, seeds), 0.02).any() for _ in range(1000)]
        assert np.mean(alarms) <= most


def test_one_failure_in_ten_is_seen():
    rng = np.random.default_rng(0)
    for seeds in (3, 5, 10):
        seen = []
        for _ in range(300):
            values = rng.normal(0.85, 0.015, seeds)
            values[0] = rng.normal(0.52, 0.02)
            seen.append(np.flatnonzero(far_below(values, 0.02)).tolist() == [0])
        assert np.mean(seen) > 0.95


def test_clopper_pearson_is_newcombes_figure_and_statsmodels():
    assert clopper_pearson(81, 263) == pytest.approx((0.25274, 0.36762), abs=1e-5)
    for k in range(6):
        assert clopper_pearson(k, 5) == pytest.approx(proportion_confint(k, 5, method="beta"), abs=1e-9)


def test_the_median_interval_takes_six_seeds_and_covers():
    values = np.arange(10.0)
    assert all(math.isnan(end) for end in median_interval(values[:5]))
    assert median_interval(values[:6]) == (0, 5)
    assert median_interval(values) == (1, 8)  # 97.9%; the next, (2, 7), has 89.1%
    rng = np.random.default_rng(0)
    covered = [
        low <= 0 <= high for low, high in (median_interval(rng.exponential(size=8) - math.log(2)) for _ in range(500))
    ]
    assert np.mean(covered) >= 0.95
