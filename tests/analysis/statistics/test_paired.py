"""The classical paired tests."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from analysis.statistics import auc, paired
from analysis.statistics.inference import two_sided
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel


def permutation(truth, first, second, groups, permutations, seed):
    """Of (N,) or (N, K) scores."""
    truth, first, second = (values.reshape(len(values), -1) for values in (truth, first, second))
    models = paired.ranks(truth, first), paired.ranks(truth, second)
    return paired.auroc_permutation(*models, groups, permutations, np.random.default_rng(seed))


@pytest.mark.parametrize("make", [make_block, make_multiclass, make_multilabel])
@pytest.mark.parametrize("decimals", [8, 1])
def test_swaps_turn_round_what_the_groups_add_to_the_difference(make, decimals):
    block = make(images=90)
    columns = list(block.columns)
    truth, scores = block.truth[:, columns], np.round(block.scores[:2, 0, 0][..., columns], decimals)
    gains = paired._gains(*(paired.ranks(truth, model) for model in scores), block.groups)
    rng = np.random.default_rng(0)
    for swapped in [np.zeros(len(gains), bool), *(rng.random((4, len(gains))) < 0.5)]:
        differences = []
        for k in range(len(columns)):
            known = ~np.isnan(truth[:, k])
            places = np.stack([stats.rankdata(model[known, k]) for model in scores])
            given = np.where(swapped[block.groups[known]], places[::-1], places)
            first, second = (sk.roc_auc_score(truth[known, k], model) for model in given)
            differences.append(first - second)
        assert gains @ (1 - 2 * swapped) == pytest.approx(np.mean(differences), abs=1e-12)


def test_permutation_agrees_with_delong(block):
    y, scores = block.truth[:, 1], block.scores[:, 0, 0, :, 1]
    p = permutation(y, scores[0], scores[1], block.groups, 1999, 0)
    parts = auc.placements(y, scores[:2], block.groups)
    cov = auc.covariance(parts)
    z = (parts.auc[1] - parts.auc[0]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert p == pytest.approx(two_sided(z, 1, math.inf), abs=0.05)


def test_permutation_ignores_the_scale_of_scores_and_never_reaches_zero(block):
    y, scores = block.truth[:, 1], block.scores[:, 0, 0, :, 1]

    def p(first, second):
        return permutation(y, first, second, block.groups, 200, 1)

    assert p(scores[0], scores[2]) == p(scores[0] ** 3, np.log(scores[2]))
    assert p(scores[0], scores[0]) == 1
    assert p(y, 1 - y) == 1 / 201


def test_permutation_leaves_unknown_images_out():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(40) < 15, 1.0, 0.0)
    scores = rng.normal(size=(2, 40)) + y
    y[3] = np.nan
    p = permutation(y, *scores, np.arange(40), 99, 2)
    scores[:, 3] = 100
    assert permutation(y, *scores, np.arange(40), 99, 2) == p


@pytest.mark.parametrize("make", [make_multiclass, make_multilabel])
def test_permutation_of_a_macro_auroc_agrees_with_delong(make):
    block = make(images=240)
    first, second = block.scores[0, 0, 0], block.scores[1, 0, 0]
    p = permutation(block.truth, first, second, block.groups, 1999, 0)
    values, cov = auc.macro_auc(block.truth, np.stack([first, second]), block.groups)
    z = (values[1] - values[0]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert p == pytest.approx(two_sided(z, 1, math.inf), abs=0.06)
