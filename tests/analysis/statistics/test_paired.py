"""The classical paired tests, and calibration."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from analysis.statistics import auc, calibration, paired
from analysis.statistics.inference import two_sided
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel


def test_permutation_agrees_with_delong(block):
    y, scores = block.truth[:, 1], block.scores[:, 0, 0, :, 1]
    columns = y[:, None], scores[0][:, None], scores[1][:, None]
    p = paired.auroc_permutation(*columns, block.groups, 1999, np.random.default_rng(0))
    parts = auc.placements(y, scores[:2], block.groups)
    cov = auc.covariance(parts)
    z = (parts.auc[1] - parts.auc[0]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert p == pytest.approx(two_sided(z, 1, math.inf), abs=0.05)


def test_permutation_ignores_the_scale_of_scores_and_never_reaches_zero(block):
    y, scores = block.truth[:, 1], block.scores[:, 0, 0, :, 1]
    args = block.groups, 200

    def p(first, second):
        columns = y[:, None], first[:, None], second[:, None]
        return paired.auroc_permutation(*columns, *args, np.random.default_rng(1))

    assert p(scores[0], scores[2]) == p(scores[0] ** 3, np.log(scores[2]))
    assert p(scores[0], scores[0]) == 1
    assert p(y, 1 - y) == 1 / 201


def test_permutation_leaves_unknown_images_out():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(40) < 15, 1.0, 0.0)
    scores = rng.normal(size=(2, 40)) + y
    y[3] = np.nan
    columns = y[:, None], *scores[..., None]
    p = paired.auroc_permutation(*columns, np.arange(40), 99, np.random.default_rng(2))
    scores[:, 3] = 100
    assert paired.auroc_permutation(*columns, np.arange(40), 99, np.random.default_rng(2)) == p


@pytest.mark.parametrize("make", [make_multiclass, make_multilabel])
def test_permutation_of_a_macro_auroc_agrees_with_delong(make):
    block = make(images=240)
    first, second = block.scores[0, 0, 0], block.scores[1, 0, 0]
    p = paired.auroc_permutation(block.truth, first, second, block.groups, 1999, np.random.default_rng(0))
    values, cov = auc.macro_auc(block.truth, np.stack([first, second]), block.groups)
    z = (values[1] - values[0]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert p == pytest.approx(two_sided(z, 1, math.inf), abs=0.06)


def test_calibration_fit_is_scikit_learns():
    block = make_block(images=400, images_per_patient=1)
    y, p = block.truth[:, 1], block.scores[0, 0, 0, :, 1]
    beta, contributions = calibration.logistic(y, p, block.groups, block.group_count)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(np.log(p / (1 - p))[:, None], y)
    assert beta == pytest.approx([fitted.intercept_[0], fitted.coef_[0, 0]], rel=1e-4)
    assert contributions.sum(0) == pytest.approx(0, abs=1e-8)


def test_calibration_without_a_finite_fit_is_nan():
    y = np.repeat([0.0, 1.0], 10)
    for score in (np.full(20, 0.3), np.clip(y, 0.1, 0.9)):
        beta, contributions = calibration.logistic(y, score, np.arange(20), 20)
        assert np.isnan(beta).all() and np.isnan(contributions).all()


def test_debiased_error_of_a_calibrated_model_is_near_zero():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        p = rng.random(234)
        errors.append(calibration.calibration_error((rng.random(234) < p).astype(float), p))
    assert np.sqrt(np.mean(np.square(errors))) < 0.05  # the plain error is 0.08 to 0.1 here
    off = rng.random(2000)
    assert calibration.calibration_error((rng.random(2000) < off**3).astype(float), off) > 0.15
