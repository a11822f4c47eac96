"""Sets of ranks from intervals of differences, and the degrees of freedom behind those intervals."""

import numpy as np
import pytest

from analysis.statistics.inference import effective_df, these_models
from analysis.statistics.rank_sets import rank_sets, ranks


def intervals(values, half):
    difference = values[None, :] - values[:, None]
    return difference - half, difference + half


def test_the_sets_count_who_is_surely_above_and_surely_below():
    best, worst = rank_sets(*intervals(np.array([0.9, 0.89, 0.8, 0.7]), 0.05))
    assert best.tolist() == [1, 1, 3, 4] and worst.tolist() == [2, 2, 3, 4]


@pytest.mark.parametrize("half", [0.0, 0.3, 5.0])
def test_every_order_that_the_intervals_allow_is_in_the_sets(half):
    rng = np.random.default_rng(0)
    values = rng.normal(size=6)
    low, high = intervals(values, half)
    best, worst = rank_sets(low, high)
    for _ in range(300):
        truth = np.round(values + rng.uniform(-half, half, 6) / 2, rng.integers(1, 4))  # ties too
        difference = truth[None, :] - truth[:, None]
        if ((low <= difference) & (difference <= high)).all():
            assert ((best <= ranks(truth)) & (ranks(truth) <= worst)).all()
    assert (best == 1).all() == (worst == 6).all() == (half == 5.0)
    assert (best <= ranks(values)).all() and (ranks(values) <= worst).all()


def test_equal_values_share_the_best_of_their_places():
    assert ranks(np.array([0.8, 0.9, 0.8, 0.7])).tolist() == [2, 1, 2, 4]


def test_degrees_of_freedom_are_those_that_the_variance_has():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(4000, 50))
    variances = (many**2).sum(axis=1)
    moments = 2 * variances.mean() ** 2 / variances.var()  # what a chi-squared variable of as many has
    assert np.median([effective_df(contributions) for contributions in many]) == pytest.approx(moments, rel=0.1)
    assert effective_df(np.r_[rng.normal(size=20), np.zeros(380)]) < 25, "few carry it"
    assert effective_df(np.ones(10)) == effective_df(np.zeros(10)) == np.inf


def test_fixed_models_are_tested_by_students_t():
    contributions = np.random.default_rng(0).normal(size=(2, 30))
    covariance = contributions @ contributions.T
    fixed = these_models(np.array([1.0, 3.0]), covariance, contributions)
    known = these_models(np.array([1.0, 3.0]), covariance)
    assert fixed.se == known.se == pytest.approx(np.sqrt(covariance.sum()) / 2)
    assert fixed.df == effective_df(contributions.mean(axis=0)) < 60 and known.df == np.inf
    assert fixed.p > known.p and fixed.interval()[1] > known.interval()[1]
