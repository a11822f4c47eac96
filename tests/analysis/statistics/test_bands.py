"""Bands that are simultaneous over the points of a curve, against what is known of a few correlations."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from analysis.statistics.bands import deciding, joint_covariance, simultaneous_level


def level(covariance):
    return simultaneous_level(np.asarray(covariance, dtype=float), np.random.default_rng(0))


def test_points_that_move_as_one_need_no_more_than_one():
    assert level(np.outer([1, 2, 3], [1, 2, 3])) == pytest.approx(0.05, rel=0.1)


def test_independent_points_are_sidaks():
    assert level(np.eye(5) * 4) == pytest.approx(1 - 0.95**0.2, rel=0.12)


def test_two_correlated_points_are_covered_together():
    covariance = [[1, 0.8], [0.8, 1]]
    bound = norm.isf(level(covariance) / 2)
    normal = multivariate_normal([0, 0], covariance)
    outside = normal.cdf([bound, bound], lower_limit=[-bound, -bound])
    assert outside == pytest.approx(0.95, abs=0.006)


def test_the_parts_keep_their_variances_and_their_correlations():
    rng = np.random.default_rng(1)
    seeds, patients = rng.normal(size=(4, 3)), rng.normal(size=(50, 3))
    both = joint_covariance(seeds, patients, np.array([1.0, 2, 3]), np.array([0.5, 0.5, 0]))
    assert np.diag(both) == pytest.approx([1.5, 2.5, 3])
    assert np.linalg.eigvalsh(both).min() > -1e-12
    alone = joint_covariance(seeds, patients, np.array([1.0, 2, 3]), np.zeros(3))
    scale = np.sqrt([1, 2, 3])
    assert alone / np.outer(scale, scale) == pytest.approx(np.corrcoef(seeds.T))
    single = joint_covariance(seeds[:1], patients, np.zeros(3), np.ones(3))
    assert single[0, 1] == pytest.approx(
        patients[:, 0] @ patients[:, 1] / np.prod(np.linalg.norm(patients, axis=0)[:2])
    )


def test_a_point_rests_on_as_many_groups_as_contribute():
    contributions = np.zeros((100, 3))
    contributions[:7, 0], contributions[:, 1] = 2.0, -1.0
    assert deciding(contributions) == pytest.approx([7, 100, 0])
