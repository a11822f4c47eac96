"""Intervals of the label-equivalent gain, by inversion of the joint test."""

import math

import numpy as np
import pytest

from analysis.statistics.gain import label_equivalent
from analysis.statistics.inference import joint

SIZES = (25, 50, 100, 200)
MEANS = np.array([0.70, 0.74, 0.78, 0.82])
WOBBLE = np.array([-0.010, 0.004, 0.012, -0.006, 0.0])


def interval(target, spread=1.0, rho=0.0, means=MEANS, patients=1e-6, sizes=SIZES):
    """Of a curve whose seeds move by `spread` times `WOBBLE`, otherwise at each n, and of a target without any."""
    curve = np.stack([m + spread * np.roll(WOBBLE, j) for j, m in enumerate(means)])
    seeds, rows = len(WOBBLE), len(means) + 1
    covariance = np.kron(np.eye(rows), np.full((seeds, seeds), patients))
    return label_equivalent(sizes, curve, np.full(seeds, target), covariance, (rho,) * rows)


def test_the_ends_are_where_the_joint_test_turns():
    point, low, high = interval(0.76)
    assert point == pytest.approx(math.sqrt(50 * 100))
    assert 50 < low < point < high < 100
    for end in (low, high):
        share = math.log(end / 50) / math.log(2)
        rows = [MEANS[j] + np.roll(WOBBLE, j) for j in (1, 2)]
        d = (1 - share) * rows[0] + share * rows[1] - 0.76
        variance = 1e-6 * ((1 - share) ** 2 + share**2 + 1)
        below, above = joint(d, np.full((5, 5), variance)).interval()
        assert min(abs(below), abs(above)) < 1e-5


def test_an_end_is_open_where_the_largest_or_smallest_n_does_not_settle_it():
    _, low, high = interval(0.815)
    assert 100 < low < 200 and high == math.inf
    _, low, high = interval(0.702)
    assert low == -math.inf and 25 < high < 50
    assert interval(0.9) == (math.inf, math.inf, math.inf)
    assert interval(0.6) == (-math.inf, -math.inf, -math.inf)
    _, low, high = interval(0.76, spread=20)
    assert (low, high) == (-math.inf, math.inf)


def test_overlapping_training_samples_widen_it():
    _, low, high = interval(0.76)
    _, wider_low, wider_high = interval(0.76, rho=0.5)
    assert wider_low < low and high < wider_high


def test_a_difference_across_n_takes_the_largest_overlap_it_is_made_of():
    def ends(*overlaps):
        curve = MEANS[:2, None] + 0.3 * np.stack([WOBBLE, np.roll(WOBBLE, 1)])
        covariance = np.kron(np.eye(3), np.full((5, 5), 1e-6))
        return label_equivalent(SIZES[:2], curve, np.full(5, 0.72), covariance, overlaps)

    assert ends(0, 0, 0.4) == pytest.approx(ends(0.4, 0.4, 0.4), rel=1e-3)
    assert ends(0.1, 0.4, 0.3) == pytest.approx(ends(0.4, 0.4, 0.4), rel=1e-3)
    assert ends(0, 0, 0)[1] > ends(0, 0, 0.4)[1]


def test_without_any_noise_it_is_a_point():
    point, low, high = interval(0.76, spread=0.0, patients=0.0)
    assert low == pytest.approx(point, rel=1e-3) and high == pytest.approx(point, rel=1e-3)


def test_a_curve_that_falls_again_is_not_cut_short():
    # A falls below the target after 50 and rises above it again: any n between the crossings may be the one.
    point, low, high = interval(0.75, spread=0.2, means=np.array([0.70, 0.78, 0.72, 0.82]))
    assert low < 50 and 100 < high < 200 and low <= point <= high


def test_with_refits_only_what_the_data_cause_is_inflated_by_overlap():
    curve = MEANS[:2, None] + 0.3 * np.stack([WOBBLE, np.roll(WOBBLE, 1)])
    target, covariance = np.full(5, 0.72), np.kron(np.eye(3), np.full((5, 5), 1e-6))
    # The two refits of a seed of A lie far apart, now this way and now that: chance, and nothing that the data cause.
    apart = np.stack([np.vstack([curve, target])] * 2, axis=-1)
    apart[:2] += np.array([-0.05, 0.05]) * np.array([-1, 1, 1, -1, 1])[:, None]
    _, low, high = label_equivalent(SIZES[:2], curve, target, covariance, (0.5,) * 3, apart)
    _, wider_low, wider_high = label_equivalent(SIZES[:2], curve, target, covariance, (0.5,) * 3)
    assert wider_low < low and high < wider_high
