"""Seeds and patients together: identities, bounds, and the cases where something is missing."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import inference as inf
from analysis.statistics.critical import critical


def test_per_image_means_give_the_two_way_anova():
    """For a mean over images, V is (MS_seed + MS_case - MS_residual) / (S N)."""
    rng = np.random.default_rng(0)
    seeds, cases = 6, 50
    x = 0.3 + rng.normal(size=(seeds, 1)) + rng.normal(size=(1, cases)) + rng.normal(size=(seeds, cases))
    result = inf.joint(x.mean(1), np.cov(x) / cases)
    grand, row, column = x.mean(), x.mean(1, keepdims=True), x.mean(0, keepdims=True)
    ms_seed = cases * ((row - grand) ** 2).sum() / (seeds - 1)
    ms_case = seeds * ((column - grand) ** 2).sum() / (cases - 1)
    ms_rest = ((x - row - column + grand) ** 2).sum() / ((seeds - 1) * (cases - 1))
    assert result.se**2 == pytest.approx((ms_seed + ms_case - ms_rest) / (seeds * cases), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 0.5]))
def test_pairs_are_antisymmetric(seeds, seed, rho):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, seeds))
    factor = rng.normal(size=(2 * seeds, 2 * seeds))
    cov = factor @ factor.T
    order = np.r_[seeds : 2 * seeds, :seeds]
    one = inf.difference(a, b, cov, rho)
    other = inf.difference(b, a, cov[np.ix_(order, order)], rho)
    assert other.estimate == -one.estimate
    assert (other.se, other.df) == pytest.approx((one.se, one.df), rel=1e-9)
    assert other.p == pytest.approx(one.p, rel=1e-6, nan_ok=True)
    low, high = one.interval()
    assert other.interval() == pytest.approx((-high, -low), rel=1e-6, abs=1e-12)


def test_overlap_adds_variance_and_takes_degrees_of_freedom():
    values = np.array([0.1, 0.3, 0.2, 0.25, 0.15])
    cov = np.full((5, 5), 1e-3) + np.eye(5) * 1e-3
    apart, overlapping = inf.joint(values, cov), inf.joint(values, cov, 0.3)
    s2 = values.var(ddof=1)
    # What patients and seeds do together, 1e-3, does not come back with overlapping samples.
    assert overlapping.seed_part == pytest.approx(s2 / 5 + 0.3 / 0.7 * (s2 - 1e-3), rel=1e-12)
    assert overlapping.se > apart.se and overlapping.df < apart.df
    assert overlapping.share == pytest.approx(min(s2 * (1 / 5 + 0.3 / 0.7) / overlapping.se**2, 1), rel=1e-12)
    # Where that is nearly all, or more than all, of what is between the seeds, three quarters of it stay.
    for together in (0.5 * s2, 2 * s2):
        mostly = inf.joint(values, np.full((5, 5), 1e-3) + np.eye(5) * together, 0.3)
        assert mostly.seed_part == pytest.approx(s2 * (1 / 5 + 0.3 / 0.7 * 0.75), rel=1e-12)
        assert mostly.share == pytest.approx(mostly.seed_part / mostly.se**2, rel=1e-12)


@pytest.mark.parametrize("refits", [1, 3])
@pytest.mark.parametrize(("seeds", "data"), [(3, 0.7), (5, 0.5), (10, 0.35)])
def test_the_size_holds_where_overlap_hides_what_little_of_the_seeds_variance_is_the_samples(seeds, data, refits):
    """The worst shares of the training samples' part, with patients who add nothing of their own to all seeds."""
    rng = np.random.default_rng(0)
    repeats, odds = 4000, 0.6 / 0.4
    sample = rng.normal(0, math.sqrt(data), (repeats, seeds, 1))
    noise = rng.normal(0, math.sqrt((1 - data) * refits), (repeats, seeds, refits))
    # What samples have in common is hidden between seeds: rho / (1 - rho) of the part that they cause.
    means = sample + noise + rng.normal(0, math.sqrt(odds * data), (repeats, 1, 1))
    together = (1 - data) * np.eye(seeds) if refits == 1 else np.zeros((seeds, seeds))
    rejected = np.mean([inf.joint(one.mean(axis=1), together, 0.6, one).p < 0.05 for one in means])
    assert rejected < 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)


def test_refits_tell_what_overlap_hides():
    """Only what refits of one sample have in common is the training sample's; the rest is noise of each training."""
    rng = np.random.default_rng(0)
    seeds, refits, data, noise = 4000, 3, 2.0, 5.0
    each = rng.normal(0, math.sqrt(data), (seeds, 1)) + rng.normal(0, math.sqrt(noise), (seeds, refits))
    values, cov = each.mean(axis=1), np.zeros((seeds, seeds))
    assert inf.data_part(values, cov, each) == pytest.approx(data, rel=0.1)
    assert inf.data_part(values, cov) == pytest.approx(data + noise / refits, rel=0.1)
    assert inf.data_part(values, cov, each[:, :1]) == inf.data_part(values, cov)
    s2 = values.var(ddof=1)
    assert inf.joint(values, cov, 0.5, each).seed_part == pytest.approx(s2 * (1 / seeds + 0.75), rel=1e-12)
    steady = each + 9 * each.mean(axis=1, keepdims=True)  # most of it is the samples'
    s2, part = steady.mean(axis=1).var(ddof=1), inf.data_part(steady.mean(axis=1), cov, steady)
    assert 0.75 * s2 < part < s2
    assert inf.joint(steady.mean(axis=1), cov, 0.5, steady).seed_part == pytest.approx(s2 / seeds + part, rel=1e-12)
    pairs = [np.cov(each[:, r], each[:, q])[0, 1] for r in range(3) for q in range(3) if r != q]
    assert inf.data_part(values, cov, each) == pytest.approx(np.mean(pairs), rel=1e-9)


def test_the_primary_test_is_calibrated_and_hillis_and_cochran_stand_beside():
    values = np.array([0.1, 0.3, 0.2])
    cov = np.full((3, 3), 1e-3) + np.eye(3) * 1e-3
    result = inf.joint(values, cov)
    low, high = result.interval()
    assert (high - low) / 2 == pytest.approx(float(critical(result.share, 3, 0.05)) * result.se)
    assert result.share == pytest.approx(result.seed_part / result.se**2)
    assert (result.p < 0.05) == (low > 0)
    hillis = result.by_hillis
    assert hillis.p == inf.two_sided(result.estimate, result.se, result.df) < result.p
    p, cochran_low, cochran_high = inf.cochran(result)
    bound = result.share * stats.t.isf(0.025, 2) + (1 - result.share) * stats.norm.isf(0.025)
    assert (cochran_high - cochran_low) / 2 == pytest.approx(bound * result.se)
    assert inf.cochran(result, 1 - p)[1] == pytest.approx(0, abs=1e-9)
    assert inf.cochran(inf.joint(np.zeros(3), np.zeros((3, 3))))[0] == 1


def test_these_models_hold_the_seeds_fixed():
    values, cov = np.array([0.1, 0.3, 0.2]), np.full((3, 3), 1e-3) + np.eye(3) * 1e-3
    result = inf.these_models(values, cov)
    assert result.se == pytest.approx(math.sqrt(cov.sum()) / 3)
    assert result.p == pytest.approx(2 * stats.norm.sf(0.2 / result.se))
    assert result.interval()[1] == pytest.approx(0.2 + 1.959963984540054 * result.se)


def test_one_sided_p_values():
    result = inf.joint(np.array([0.1, 0.3, 0.2]), np.full((3, 3), 1e-3) + np.eye(3) * 1e-3)
    assert result.p_above(0) == pytest.approx(result.p / 2)
    assert result.p_below(0) == pytest.approx(1 - result.p / 2)
    assert (result.p_above(0.2), result.p_below(0.2)) == pytest.approx((0.5, 0.5))
    certain = inf.joint(np.ones(3), np.zeros((3, 3)))
    assert (certain.p_above(0.5), certain.p_above(1), certain.p_below(1.5)) == (0, 1, 0)
    assert math.isnan(inf.joint(np.ones(2), np.eye(2)).p_above(0))


def test_negative_covariance_counts_as_none():
    values = np.array([0.1, 0.3, 0.2])
    result = inf.joint(values, np.eye(3) * 0.01 - 0.005)
    assert result.patient_part == 0
    assert result.df == pytest.approx(2)
    assert result.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-12)


def test_identical_arms():
    values = np.array([0.8, 0.9, 0.7])
    result = inf.difference(values, values, np.ones((6, 6)))
    assert (result.estimate, result.se, result.p) == (0, 0, 1)
    assert math.isinf(result.df) and result.interval() == (0, 0)


def test_a_certain_difference_has_p_zero():
    assert inf.two_sided(0.1, 0.0, math.inf) == 0
    assert inf.two_sided(0.0, 0.0, math.inf) == 1


@pytest.mark.parametrize("seeds", [1, 2])
def test_no_p_value_from_too_few_seeds(seeds):
    result = inf.joint(np.linspace(0.1, 0.2, seeds), np.eye(seeds) * 0.01)
    assert math.isnan(result.p)
    low, high = result.interval()
    assert low < result.estimate < high
    assert math.isnan(result.seed_variance) == (seeds == 1)


def test_one_seed_is_conditional_on_it():
    result = inf.joint(np.array([0.1]), np.array([[0.0004]]))
    assert result.interval() == pytest.approx((0.1 - 1.959963984540054 * 0.02, 0.1 + 1.959963984540054 * 0.02))


@pytest.mark.parametrize(
    ("values", "cov", "rho", "match"),
    [
        ([0.1, 0.2], np.eye(3), 0.0, "need a 2 x 2"),
        ([0.1, math.nan], np.eye(2), 0.0, "finite"),
        ([0.1, 0.2], np.full((2, 2), math.inf), 0.0, "finite"),
        ([0.1, 0.2], np.eye(2), 1.0, "rho"),
    ],
)
def test_bad_input(values, cov, rho, match):
    with pytest.raises(ValueError, match=match):
        inf.joint(np.array(values), cov, rho)


def test_logit_interval_stays_inside():
    result = inf.joint(np.array([0.97, 0.99, 0.98]), np.eye(3) * 1e-3 + 1e-3)
    low, high = inf.logit_interval(result)
    assert 0 < low < 0.98 < high < 1 < result.interval()[1]
    with pytest.raises(ValueError, match="no logit"):
        inf.logit_interval(inf.joint(np.ones(3), np.zeros((3, 3))))
    tiny = inf.logit_interval(inf.Inference(0.01, 0.001, math.inf, 1, 0, 0, 0))
    assert 0 < tiny[0] < 0.01 < tiny[1]


def test_sign_flip_counts_all_flips():
    values = np.array([0.3, -0.1, 0.2, 0.4, 0.1, 0.25, 0.05])
    flips = [abs(np.dot(signs, values)) for signs in product((1, -1), repeat=7)]
    expected = np.mean([flip >= values.sum() - 1e-12 for flip in flips])
    assert inf.sign_flip(values) == pytest.approx(expected)
    for count in (5, 21):
        with pytest.raises(ValueError, match="6 to 20"):
            inf.sign_flip(np.ones(count))


def test_paired_t_is_scipys():
    values = np.array([0.1, 0.4, 0.2, 0.15])
    assert inf.two_sided(*inf.paired_t(values)) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-12)


def test_probability_below():
    result = inf.joint(np.array([0.1, 0.3, 0.2]), np.zeros((3, 3)))
    assert result.probability_below(0) == pytest.approx(result.by_hillis.p / 2, rel=1e-9)
    certain = inf.Inference(0.1, 0.0, math.inf, 0, 0, 0, 0)
    assert certain.probability_below(0.2) == 1 and certain.probability_below(0.0) == 0
    normal = inf.Inference(0.0, 1.0, math.inf, 1, 0, 0, 1)
    assert normal.probability_below(0.0) == pytest.approx(0.5)


def test_the_smallest_p_values_are_reached():
    certain = inf.Inference(22.0, 1.0, math.inf, 0.0, 1.0, 0.5, 0.5, seeds=500, share=0.5)
    p, low, _ = inf.cochran(certain)
    assert 0 < p < 1e-60 and low > 20
