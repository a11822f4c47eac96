"""Figures computed elsewhere (pROC 1.18, MRMCaov, published tables), to the digits that were given."""

import math

import numpy as np
import pytest

from analysis.statistics.auc import covariance, macro_auc, placements
from analysis.statistics.inference import difference, two_sided
from analysis.statistics.multiplicity import holm

I = np.arange(1, 61)  # noqa: E741
TRUTH = (I <= 24).astype(float)
ALONE = np.arange(60)


def score(t, r, last=None):
    last = 1.5 * np.sin(I * (t + 2)) if last is None else last(t, r)
    return np.round(TRUTH * (1 + 0.2 * t + 0.1 * r) + 2 * np.sin(I) + np.cos(I * (r + 1)) + last, 1)


def readers(last=None):
    """(10, 60): five readers of modality 0, then of modality 1."""
    return np.stack([score(t, r, last) for t in (0, 1) for r in range(1, 6)])


def near(value, digits=9):
    return pytest.approx(value, rel=10.0**-digits)


def test_proc_two_correlated_curves():
    parts = placements(TRUTH, np.stack([score(0, 1), score(1, 1)]), ALONE)
    cov = covariance(parts)
    assert parts.auc == near([0.656828703704, 0.669560185185])
    assert cov[0, 1] == near(0.00363174931333)
    half = 1.959963984540054 * np.sqrt(np.diag(cov))
    assert parts.auc - half == near([0.510269381872, 0.531450429788])
    assert parts.auc + half == near([0.803388025536, 0.807669940582])
    z = (parts.auc[0] - parts.auc[1]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert z == near(-0.221848184078)
    assert two_sided(z, 1.0, math.inf) == near(0.824432068455)


def test_mrmcaov_readers_and_cases():
    auc, cov = macro_auc(TRUTH[:, None], readers()[:, :, None], ALONE)
    result = difference(auc[:5], auc[5:], cov).by_hillis
    assert result.estimate == near(0.0230324074074)
    assert result.se == near(0.0552047941729)
    assert result.df == near(15943.1116831)
    assert result.p == near(0.676524928)
    assert result.interval() == near((-0.0851752158, 0.1312400306))


def test_mrmcaov_where_the_covariance_is_negative():
    auc, cov = macro_auc(TRUTH[:, None], readers(lambda t, r: 0.5 * np.sin(I * r * (t + 2)))[:, :, None], ALONE)
    result = difference(auc[:5], auc[5:], cov).by_hillis
    assert result.patient_part == 0
    assert result.estimate == near(0.0237268518519)
    assert result.se == near(0.00685220375723)
    assert result.df == near(4)
    assert result.p == near(0.0257552350122)


def test_holm():
    assert holm((0.01, 0.04, 0.03, 0.005)) == near([0.03, 0.06, 0.06, 0.02])
