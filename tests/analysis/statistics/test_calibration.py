"""Recalibration as a glm gives it, why there is none, and what another prevalence does to it."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

from analysis.statistics import calibration, priors
from tests.analysis.conftest import make_block


def test_calibration_fit_is_scikit_learns():
    block = make_block(images=400, images_per_patient=1)
    y, p = block.truth[:, 1], block.scores[0, 0, 0, :, 1]
    fit = calibration.logistic(y, p, block.groups, block.group_count)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(np.log(p / (1 - p))[:, None], y)
    assert fit.coefficients == pytest.approx([fitted.intercept_[0], fitted.coef_[0, 0]], rel=1e-4)
    assert fit.contributions.sum(0) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(("low", "high"), [(0.5004, 0.5041), (1e-9, 1 - 1e-9), (0.2, 0.9), (0.99999, 0.999999)])
@pytest.mark.parametrize("effect", [-3.0, 0.0, 0.4, 5.0])
def test_however_narrow_the_scores_the_fit_is_the_glms(low, high, effect):
    """Scores of a network that has hardly learned lie within .5004 and .5041: a slope of hundreds, and no failure."""
    rng = np.random.default_rng(8)
    u = rng.random(300)
    y = (rng.random(300) < 1 / (1 + np.exp(-effect * 2 * (u - 0.5)))).astype(float)
    p = low + (high - low) * u
    fit = calibration.logistic(y, p, np.arange(300), 300)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    x = np.log(clipped / (1 - clipped))
    scaled = (x - x.mean()) / x.std()  # statsmodels itself needs the help
    glm = sm.GLM(y, sm.add_constant(scaled), family=sm.families.Binomial()).fit(tol=1e-14)
    slope = glm.params[1] / x.std()
    assert not fit.why_not
    expected = [glm.params[0] - slope * x.mean(), slope]
    assert fit.coefficients == pytest.approx(expected, rel=1e-6, abs=1e-8)
    sandwich = sm.GLM(y, sm.add_constant(scaled), family=sm.families.Binomial()).fit(tol=1e-14, cov_type="HC0")
    variance = sandwich.cov_params()[1, 1] / x.std() ** 2
    assert (fit.contributions[:, 1] ** 2).sum() == pytest.approx(variance, rel=1e-4)
    if (low, effect) == (0.5004, 5.0):
        assert fit.coefficients[1] > 300


def test_where_no_finite_fit_exists_it_says_why():
    y = np.repeat([0.0, 1.0], 10)
    groups = np.arange(20)
    touching = np.r_[np.linspace(0.1, 0.5, 10), np.linspace(0.5, 0.9, 10)]
    cases = {
        calibration.CONSTANT: (y, np.full(20, 0.3)),
        calibration.SEPARATED: (y, np.clip(y, 0.1, 0.9)),
        calibration.ONE_CLASS: (np.ones(20), np.linspace(0.1, 0.9, 20)),
    }
    for why, (truth, score) in cases.items():
        fit = calibration.logistic(truth, score, groups, 20)
        assert fit.why_not == why and np.isnan(fit.coefficients).all() and np.isnan(fit.contributions).all()
    for score in (touching, 1 - touching):
        assert calibration.logistic(y, score, groups, 20).why_not == calibration.SEPARATED
    between = np.where(y == 1, 0.5, np.tile([0.2, 0.8], 10))
    assert not calibration.logistic(y, between, groups, 20).why_not


def test_calibration_in_the_large_is_a_glm_with_the_slope_fixed():
    block = make_block(images=300, images_per_patient=1)
    y, p = block.truth[:, 1], block.scores[0, 0, 0, :, 1]
    fit = calibration.in_the_large(y, p, block.groups, block.group_count)
    offset = np.log(p / (1 - p))
    glm = sm.GLM(y, np.ones((300, 1)), family=sm.families.Binomial(), offset=offset).fit(tol=1e-14)
    assert fit.coefficients == pytest.approx(glm.params, abs=1e-8)
    assert fit.contributions.sum() == pytest.approx(0, abs=1e-8)
    assert calibration.in_the_large(np.ones(9), np.full(9, 0.5), np.arange(9), 9).why_not == calibration.ONE_CLASS


def test_a_bayes_optimal_balanced_model_is_off_at_another_prevalence_until_it_is_corrected():
    rng = np.random.default_rng(0)
    count = 20_000
    y = (np.arange(count) < 0.06 * count).astype(float)
    effect = 2.04
    x = rng.normal(size=count) + effect * y
    positive = 1 / (1 + np.exp(-effect * (x - effect / 2)))
    scores = np.stack([1 - positive, positive], axis=1)
    corrected = priors.correct(scores, np.array([0.5, 0.5]), np.array([0.94, 0.06]))
    before, after = (calibration.logistic(y, score, np.arange(count), count) for score in (positive, corrected[:, 1]))
    assert before.coefficients[0] == pytest.approx(-2.70, abs=0.1)
    assert calibration.calibration_error(y, positive) == pytest.approx(0.265, abs=0.01)
    assert after.coefficients[0] == pytest.approx(0, abs=0.18)
    assert calibration.calibration_error(y, corrected[:, 1]) < 0.006
    large = [
        calibration.in_the_large(y, score, np.arange(count), count).coefficients[0]
        for score in (positive, corrected[:, 1])
    ]
    assert large == pytest.approx([np.log(0.06 / 0.94), 0], abs=0.06)


def test_the_correction_multiplies_odds_by_the_ratio_of_the_priors():
    scores = np.random.default_rng(1).dirichlet(np.ones(3), size=(2, 5))
    training, target = np.array([0.2, 0.3, 0.5]), np.array([0.7, 0.2, 0.1])
    corrected = priors.correct(scores, training, target)
    assert corrected.sum(axis=-1) == pytest.approx(1)
    odds, before = corrected[..., 0] / corrected[..., 2], scores[..., 0] / scores[..., 2]
    assert odds == pytest.approx(before * (0.7 / 0.2) / (0.1 / 0.5), rel=1e-5)
    assert priors.correct(corrected, target, training) == pytest.approx(scores, abs=1e-6)
    labels = priors.correct_labels(scores[..., :1], np.array([0.5]), np.array([0.06]))
    pairs = np.concatenate([1 - scores[..., :1], scores[..., :1]], axis=-1)
    assert labels[..., 0] == pytest.approx(priors.correct(pairs, np.full(2, 0.5), np.array([0.94, 0.06]))[..., 1])
    assert np.isfinite(priors.correct(np.eye(3), training, target)).all()


def test_debiased_error_of_a_calibrated_model_is_near_zero():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        p = rng.random(234)
        errors.append(calibration.calibration_error((rng.random(234) < p).astype(float), p))
    assert np.sqrt(np.mean(np.square(errors))) < 0.05  # the plain error is 0.08 to 0.1 here
    off = rng.random(2000)
    assert calibration.calibration_error((rng.random(2000) < off**3).astype(float), off) > 0.15
