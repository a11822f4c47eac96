"""Corrections, verdicts, effect sizes, power, label gains and rank tests."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.statistics import effects, equivalence, gain, multiplicity, power, ranks
from analysis.statistics.inference import Inference, joint
from analysis.study.sentences import sentence
from benchmark.errors import InputError


def inference(estimate, se, df=math.inf, p=0.5):
    return Inference(estimate, se, df, p, 0.0, 0.0, se**2)


def test_holm_and_benjamini_hochberg_are_statsmodels():
    p = np.random.default_rng(0).random(20) ** 3
    assert multiplicity.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert multiplicity.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize("correct", [multiplicity.holm, multiplicity.benjamini_hochberg])
def test_refused_p_values_do_not_count(correct):
    adjusted = correct([0.01, math.nan, 0.04])
    assert math.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx(correct([0.01, 0.04]))
    assert len(correct([])) == 0


def test_shaffer_uses_that_three_arms_leave_one_pair():
    assert multiplicity.shaffer_three([0.01, 0.03, 0.04]) == pytest.approx([0.03, 0.03, 0.04])
    with pytest.raises(ValueError, match="three pairs"):
        multiplicity.shaffer_three([0.1])


def test_claims_over_data_sets():
    p = [0.03, 0.001, 0.2]
    assert multiplicity.intersection_union(p) == 0.2
    assert multiplicity.partial_conjunction(p, 3) == pytest.approx(0.2)
    assert multiplicity.partial_conjunction(p, 2) == pytest.approx(0.06)
    assert multiplicity.partial_conjunction(p, 1) == pytest.approx(0.003)
    with pytest.raises(ValueError, match="no sense"):
        multiplicity.partial_conjunction(p, 4)


def test_one_family_of_differences_and_equivalences():
    different, equivalent = multiplicity.family([0.001, 0.02, 0.5], [0.9, 0.9, 0.004])
    # 3 pairs until one has lost both hypotheses, which none of these has.
    assert different == pytest.approx([0.003, 0.06, 1])
    assert equivalent == pytest.approx([1, 1, 0.012])
    # A pair that is both different and within the margin counts no more.
    different, equivalent = multiplicity.family([0.001, 0.02], [0.002, 0.9])
    assert different == pytest.approx([0.002, 0.02])
    assert equivalent == pytest.approx([0.004, 0.9])


def test_refused_pairs_do_not_count_in_the_family():
    different, equivalent = multiplicity.family([0.01, math.nan, 0.04], [0.5, math.nan, 0.9])
    assert math.isnan(different[1]) and math.isnan(equivalent[1])
    alone = multiplicity.family([0.01, 0.04], [0.5, 0.9])
    assert different[[0, 2]] == pytest.approx(alone[0]) and equivalent[[0, 2]] == pytest.approx(alone[1])
    assert all(len(part) == 0 for part in multiplicity.family([], []))


def test_holm_is_what_the_family_comes_to_where_equivalence_is_certain():
    """Equivalences that all hold for certain, as within a margin that is beyond reach, leave Holm's multipliers."""
    p = np.random.default_rng(0).random(12) ** 3
    assert multiplicity.family(p, np.zeros(12))[0] == pytest.approx(multiplicity.holm(p))
    assert (multiplicity.family(p, np.ones(12))[0] >= multiplicity.holm(p)).all()


def test_shaffer_ignores_refused_p_values():
    adjusted = multiplicity.shaffer_three([0.01, math.nan, 0.04])
    assert math.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("pairs", [3, 18])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_family_wise_error_of_both_kinds(seeds, pairs, share):
    """Normal theory: half of the pairs differ by nothing, half by exactly the margin, of 1 to 4 standard errors."""
    rng = np.random.default_rng(seeds * pairs)
    repeats, wrong = 150 if pairs > 3 else 300, 0
    cov = np.full((seeds, seeds), 1 - share)
    for _ in range(repeats):
        margin = rng.uniform(1, 4)
        null = np.arange(pairs) % 2 == 0
        truth = np.where(null, 0.0, margin)
        values = truth[:, None] + rng.normal(0, math.sqrt(share * seeds), (pairs, seeds))
        values += rng.normal(0, math.sqrt(1 - share), (pairs, 1))
        results = [joint(row, cov) for row in values]
        beyond = [equivalence.against(result, margin).tost_p for result in results]
        different, equivalent = multiplicity.family([result.p for result in results], beyond)
        wrong += bool((different[null] < 0.05).any() or (equivalent[~null] < 0.05).any())
    assert wrong / repeats <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize(
    ("difference", "adjusted", "equivalent", "expected"),
    [
        (inference(0.05, 0.01), 0.001, 1.0, "better"),
        (inference(-0.05, 0.01), 0.001, 1.0, "worse"),
        (inference(0.001, 0.005), 0.9, 0.001, "equivalent"),
        (inference(0.001, 0.005), 0.9, 0.06, "inconclusive"),
        (inference(0.012, 0.003), 0.001, 0.01, "equivalent"),
        (inference(0.03, 0.03), 0.4, 0.8, "inconclusive"),
        (inference(0.05, 0.02), 0.08, 1.0, "inconclusive"),
        (inference(0.05, 0.01, p=math.nan), math.nan, math.nan, "not tested"),
    ],
)
def test_verdict_and_its_sentence(difference, adjusted, equivalent, expected):
    verdict = equivalence.verdict(difference, adjusted, equivalent)
    assert verdict == expected
    text = sentence("a", "b", "AUROC", difference, adjusted, verdict, equivalent, 0.02, 2)
    assert "no difference" not in text and "simultaneous" not in text
    words = {"inconclusive": ("open", "may differ"), "equivalent": ("are equivalent",)}.get(expected, (expected,))
    assert any(word in text for word in words)


def test_the_sentence_says_which_interval_it_gives():
    difference = joint(np.array([0.04, 0.05, 0.06, 0.05]), np.full((4, 4), 1e-4))
    text = sentence("a", "b", "AUROC", difference, 0.04, "better", 1.0, 0.02, 4, 6)
    low, high = difference.interval(1 - 0.05 / 6)
    assert f"95% CI {low:+.3f} to {high:+.3f}, simultaneous over 6 comparisons, corrected p = .040" in text


def test_lower_is_better_turns_the_verdict_round():
    difference = inference(-0.05, 0.01)
    verdict = equivalence.verdict(difference, 0.001, 1.0, higher_is_better=False)
    assert verdict == "better"
    assert "b is better than a" in sentence("a", "b", "log-loss", difference, 0.001, verdict, 1.0, 0.02, 5)


def test_a_single_seed_is_said_in_the_sentence():
    single = joint(np.array([0.1]), np.array([[0.01]]))
    text = sentence("a", "b", "AUROC", single, math.nan, "not tested", math.nan, 0.02, 1)
    assert "one training sample" in text


def test_tost_is_the_ninety_percent_interval():
    results = [inference(estimate, 0.006, 7.0) for estimate in np.linspace(-0.03, 0.03, 13)]
    results += [joint(np.array([0.001, 0.004, -0.003]) + shift, np.full((3, 3), 1e-6)) for shift in (0.0, 0.008, 0.015)]
    for result in results:
        held = equivalence.against(result, 0.02)
        low, high = result.interval(0.9)
        assert held.equivalent == (held.tost_p < 0.05) == (low > -0.02 and high < 0.02)
        assert held.below + held.within + held.above == pytest.approx(1)
        assert held.equivalent == (held.noninferior and held.nonsuperior)
    with pytest.raises(ValueError, match="positive"):
        equivalence.against(inference(0, 1), 0)


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_are_equivalent_to_nothing(seeds):
    held = equivalence.against(joint(np.zeros(seeds), np.full((seeds, seeds), 1e-9)), 0.02)
    assert (held.equivalent, held.noninferior, held.nonsuperior) == (None, None, None)
    assert math.isnan(held.tost_p) and held.within == pytest.approx(1)


def test_effect_sizes():
    a, b = np.array([0.7, 0.72, 0.74]), np.array([0.8, 0.79, 0.86])
    assert effects.hedges_g(b, a) == -effects.hedges_g(a, b)
    assert math.isnan(effects.hedges_g(a[:2], b[:2])) and math.isnan(effects.hedges_g(np.ones(3), np.ones(3)))
    assert effects.cliffs_delta(a, b) == 1 and effects.cliffs_delta(a, a) == 0
    assert effects.superior_share(a, b) == 1 and effects.superior_share(a, a) == 0.5
    low, high = effects.superior_interval(a, b)
    assert 0.4 < low < 0.5 and high == pytest.approx(1)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 18])
def test_detectable_difference_has_its_power(alpha):
    parts = power.Components(4e-4, 1e-4, 2e-4, rho=0.1)
    for seeds in (3, 5, 10, 50):
        smallest = power.detectable_with(parts, seeds, 1, alpha=alpha)
        assert power.power_of(smallest, parts, seeds, alpha=alpha) == pytest.approx(0.8, abs=1e-6)
    assert power.detectable_with(parts, 10, 4) < power.detectable_with(parts, 10, 1)
    # Overlapping samples leave a floor of their own.
    without = power.Components(4e-4, 1e-4, 2e-4)
    assert power.detectable_with(parts, math.inf, 1) > power.detectable_with(without, math.inf, 1)


def test_detectable_floor_without_the_seeds():
    floor = power.detectable_with(power.Components(4e-4, 1e-4, 2e-4), math.inf, 1)
    assert floor == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-4)
    assert power.detectable_with(power.Components(0.0, 0.0, 0.0), 5, 1) == 0
    assert power.detectable(inference(0.1, 0.01)) == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-5)


def test_the_first_step_of_a_family_needs_more():
    parts = power.Components(4e-4, 1e-4, 2e-4)
    smallest = power.detectable_with(parts, 5, 1)
    assert power.power_of(smallest, parts, 5, alpha=0.05 / 18) < 0.5
    assert power.detectable_with(parts, 5, 1, alpha=0.05 / 18) > 1.3 * smallest


@pytest.mark.parametrize(("alpha", "rho", "interaction"), [(0.05, 0.0, 0.0), (0.05 / 6, 0.0, 0.0), (0.05, 0.3, 2e-4)])
def test_power_is_that_of_the_joint_test_on_normal_estimates(alpha, rho, interaction):
    rng = np.random.default_rng(0)
    repeats, seeds, true = 2000, 4, 0.1
    parts = power.Components(8e-4, 2e-4, interaction, rho)
    spread = rng.normal(0, math.sqrt(parts.seeds + interaction), (repeats, seeds))
    common = rng.normal(0, math.sqrt(parts.patients + parts.hidden), (repeats, 1))
    covariance = np.full((seeds, seeds), parts.patients) + np.eye(seeds) * interaction
    for shift in (0.0, true):
        rejected = np.mean([joint(d, covariance, rho).p < alpha for d in spread + common + shift])
        slack = 3 * math.sqrt(max(rejected, 0.01) * (1 - rejected) / repeats)
        assert power.power_of(shift, parts, seeds, alpha=alpha) == pytest.approx(rejected, abs=slack)


def test_power_at_the_ends():
    nothing = power.Components(0.0, 0.0, 0.0)
    assert power.power_of(0.0, nothing, 5) == 0 and power.power_of(0.1, nothing, 5) == 1
    assert power.power_of(0.0, power.Components(0.0, 1.0, 0.0), 5) == pytest.approx(0.05)
    # Without patients' variance it is a paired t test.
    assert power.power_of(0.0, power.Components(1.0, 0.0, 0.0), 3) == pytest.approx(0.05, abs=1e-4)


def test_label_gain_interpolates_on_log_n():
    sizes = gain.equal_at([100, 200], np.array([[0.7, 0.8]] * 4), np.array([0.75, 0.69, 0.81, 0.8]))
    assert sizes == pytest.approx([math.sqrt(100 * 200), -math.inf, math.inf, 200])


def test_label_gain_makes_curves_monotone():
    curve = np.array([[0.7, 0.6, 0.9], [0.5, 0.6, 0.7], [0.9, 0.8, 0.7]])
    assert gain.monotone(curve) == pytest.approx(np.array([[0.65, 0.65, 0.9], [0.5, 0.6, 0.7], [0.8, 0.8, 0.8]]))
    flat = gain.equal_at([100, 200], np.array([[0.7, 0.7]]), np.array([0.7]))
    assert flat == pytest.approx([100])


def test_rank_tests_are_refused_below_six_data_sets():
    for refused in (
        lambda: ranks.wilcoxon(np.array([0.1, 0.2, 0.3])),
        lambda: ranks.friedman(np.ones((5, 3))),
        lambda: ranks.critical_difference(3, 3),
    ):
        with pytest.raises(InputError, match=r"refused.*cannot reach"):
            refused()


def test_rank_tests_from_six_data_sets_on():
    plus, minus, p = ranks.wilcoxon(np.array([1.0, 2, 3, 4, 5, 6]))
    assert (plus, minus) == (21, 0) and p == pytest.approx(2 / 64)
    assert ranks.wilcoxon(np.array([0.0, 1, 2, 3, -4, 5, 6]))[0] == 17
    values = np.array([[0.9, 0.8, 0.7]] * 5 + [[0.7, 0.8, 0.9]])
    mean, statistic, p = ranks.friedman(values)
    assert mean == pytest.approx([8 / 6, 2, 16 / 6])
    assert 0 < p < 0.1 and statistic > 0
    assert ranks.friedman(values[:1].repeat(6, 0))[1:] == (math.inf, 0.0)
    assert ranks.critical_difference(6, 3) == pytest.approx(2.343 * math.sqrt(3 * 4 / 36), abs=0.002)
