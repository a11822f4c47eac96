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


@pytest.mark.parametrize(
    ("difference", "adjusted", "expected"),
    [
        (inference(0.05, 0.01), 0.001, "better"),
        (inference(-0.05, 0.01), 0.001, "worse"),
        (inference(0.001, 0.005), 0.9, "equivalent"),
        (inference(0.012, 0.003), 0.001, "equivalent"),
        (inference(0.03, 0.03), 0.4, "inconclusive"),
        (inference(0.05, 0.02), 0.08, "inconclusive"),
        (inference(0.05, 0.01, p=math.nan), math.nan, "not tested"),
    ],
)
def test_verdict_and_its_sentence(difference, adjusted, expected):
    verdict = equivalence.verdict(difference, adjusted, equivalence.against(difference, 0.02))
    assert verdict == expected
    text = sentence("a", "b", "AUROC", difference, adjusted, verdict, 0.02, 2)
    assert "no difference" not in text
    words = {"inconclusive": ("open", "may differ"), "equivalent": ("are equivalent",)}.get(expected, (expected,))
    assert any(word in text for word in words)


def test_lower_is_better_turns_the_verdict_round():
    difference = inference(-0.05, 0.01)
    held = equivalence.against(difference, 0.02)
    verdict = equivalence.verdict(difference, 0.001, held, higher_is_better=False)
    assert verdict == "better"
    assert "b is better than a" in sentence("a", "b", "log-loss", difference, 0.001, verdict, 0.02, 5)


def test_a_single_seed_is_said_in_the_sentence():
    single = joint(np.array([0.1]), np.array([[0.01]]))
    assert "one training sample" in sentence("a", "b", "AUROC", single, math.nan, "not tested", 0.02, 1)


def test_tost_is_the_ninety_percent_interval():
    for estimate in np.linspace(-0.03, 0.03, 13):
        held = equivalence.against(inference(estimate, 0.006, 7.0), 0.02)
        assert held.equivalent == (held.tost_p < 0.05)
        assert held.below + held.within + held.above == pytest.approx(1)
        assert held.equivalent == (held.noninferior and held.nonsuperior)
    with pytest.raises(ValueError, match="positive"):
        equivalence.against(inference(0, 1), 0)


def test_effect_sizes():
    a, b = np.array([0.7, 0.72, 0.74]), np.array([0.8, 0.79, 0.86])
    average = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    assert effects.hedges_g(a, b) == pytest.approx((b - a).mean() / average * (1 - 3 / (8 * 3 - 9)))
    assert effects.hedges_g(b, a) == -effects.hedges_g(a, b)
    assert math.isnan(effects.hedges_g(a[:1], b[:1])) and math.isnan(effects.hedges_g(np.ones(3), np.ones(3)))
    assert effects.cliffs_delta(a, b) == 1 and effects.cliffs_delta(a, a) == 0
    assert effects.superior_share(a, b) == 1 and effects.superior_share(a, a) == 0.5
    low, high = effects.superior_interval(a, b)
    assert 0.4 < low < 0.5 and high == pytest.approx(1)


def test_detectable_difference_has_its_power():
    parts = power.Components(4e-4, 1e-4, 2e-4, rho=0.1)
    for seeds in (5, 10, 50):
        smallest = power.detectable_with(parts, seeds, 1)
        assert power.power_of(smallest, parts, seeds) == pytest.approx(0.8, abs=0.02)
    floor = power.detectable_with(power.Components(4e-4, 1e-4, 2e-4), math.inf, 1)
    assert floor == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-5)
    assert power.detectable_with(parts, 10, 4) < power.detectable_with(parts, 10, 1)
    # Overlapping samples leave a floor of their own.
    assert power.detectable_with(parts, math.inf, 1) > floor


def test_power_is_that_of_the_joint_test_on_normal_estimates():
    rng = np.random.default_rng(0)
    repeats, seeds, true = 4000, 4, 0.05
    parts = power.Components(8e-4, 2e-4, 0.0)
    differences = rng.normal(0, math.sqrt(parts.seeds), (repeats, seeds)) + rng.normal(
        0, math.sqrt(parts.patients), (repeats, 1)
    )
    covariance = np.full((seeds, seeds), parts.patients)
    for shift in (0.0, true):
        rejected = np.mean([joint(d, covariance).p < 0.05 for d in differences + shift])
        slack = 3 * math.sqrt(rejected * (1 - rejected) / repeats)
        assert power.power_of(shift, parts, seeds) == pytest.approx(rejected, abs=slack)
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


def test_label_gain_names_what_is_out_of_range():
    draws = [np.linspace(0.6, 0.8, 101), np.linspace(0.7, 0.9, 101)]
    gained = gain.label_equivalent([100, 200], [0.7, 0.8], 0.75, draws, np.full(101, 0.75))
    assert gained.labels == "141"
    assert (gained.low, gained.high) == ("< 100", "> 200")
    assert 0 < gained.in_range < 1


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
