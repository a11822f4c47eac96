"""The classical paired tests."""

import math

import numpy as np
import pytest

from analysis.statistics import auc, paired
from analysis.statistics.inference import two_sided
from tests.analysis.conftest import make_multiclass, make_multilabel


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
