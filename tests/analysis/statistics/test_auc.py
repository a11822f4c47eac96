"""The clustered covariance of AUROCs: against the definition, and what must not change it."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from analysis.statistics import auc
from analysis.statistics.groups import group_count
from analysis.statistics.inference import Inference, joint
from tests.analysis.conftest import make_multiclass, make_multilabel


def direct(truth, scores, groups):
    """AUROCs and Obuchowski's covariance by the double sum over pairs of images."""
    pos, neg = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    m, n = len(pos), len(neg)
    wins = (scores[:, pos, None] > scores[:, None, neg]) + 0.5 * (scores[:, pos, None] == scores[:, None, neg])
    area = wins.mean((1, 2))
    count = group_count(groups)
    a, b = np.zeros((len(scores), count)), np.zeros((len(scores), count))
    for v in range(len(scores)):
        np.add.at(a[v], groups[pos], wins[v].mean(1) - area[v])
        np.add.at(b[v], groups[neg], wins[v].mean(0) - area[v])
    i10, i01 = len(set(groups[pos])), len(set(groups[neg]))
    cross = count / ((count - 1) * m * n) * (a @ b.T)
    return area, i10 / ((i10 - 1) * m**2) * a @ a.T + i01 / ((i01 - 1) * n**2) * b @ b.T + cross + cross.T


@st.composite
def studies(draw):
    """Truth with both classes in at least two groups, three score vectors with ties, groups of several images."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(6, 25))
    truth = rng.permutation(np.arange(count) % draw(st.integers(2, 3)) == 0).astype(float)
    scores = np.round(rng.normal(size=(3, count)) + truth, draw(st.integers(0, 3)))
    groups = rng.permutation(np.arange(count) // draw(st.integers(1, 2)))
    assume(min(len(set(groups[truth == label])) for label in (0, 1)) > 1)
    return truth, scores, groups


@settings(max_examples=40, deadline=None)
@given(studies())
def test_equals_the_double_sum(study):
    truth, scores, groups = study
    parts = auc.placements(truth, scores, groups)
    area, expected = direct(truth, scores, groups)
    assert parts.auc == pytest.approx(area, abs=1e-12)
    assert auc.covariance(parts) == pytest.approx(expected, abs=1e-12)
    assert parts.auc == pytest.approx([roc_auc_score(truth, vector) for vector in scores], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(studies(), st.randoms(use_true_random=False))
def test_invariance(study, random):
    truth, scores, groups = study
    base = auc.placements(truth, scores, groups)
    cov = auc.covariance(base)
    order = np.array(random.sample(range(len(truth)), len(truth)))
    count = group_count(groups)
    names = np.array(random.sample(range(count), count))
    changed = (
        auc.placements(truth, np.exp(scores / 3) * 7 - 2, groups),
        auc.placements(truth[order], scores[:, order], groups[order]),
        auc.placements(truth, scores, names[groups]),
    )
    for other in changed:
        assert other.auc == pytest.approx(base.auc, abs=1e-12)
        assert auc.covariance(other) == pytest.approx(cov, abs=1e-12)
    flipped = auc.placements(1 - truth, -scores, groups)
    assert flipped.auc == pytest.approx(base.auc, abs=1e-12)
    assert auc.covariance(flipped) == pytest.approx(cov, abs=1e-12)


def test_singletons_are_delongs():
    rng = np.random.default_rng(1)
    truth = (np.arange(40) < 15).astype(float)
    scores = rng.normal(size=(2, 40)) + truth
    parts = auc.placements(truth, scores, np.arange(40))
    v10 = parts.positives[:, :15] * 15
    v01 = parts.negatives[:, 15:] * 25
    assert auc.covariance(parts) == pytest.approx(np.cov(v10) / 15 + np.cov(v01) / 25, rel=1e-12)


def test_unknown_labels_are_left_out():
    rng = np.random.default_rng(2)
    truth = (np.arange(30) < 12).astype(float)
    scores = rng.normal(size=(2, 30)) + truth
    hidden = np.where(np.arange(30) % 5 == 0, np.nan, truth)
    kept = ~np.isnan(hidden)
    masked = auc.placements(hidden, scores, np.arange(30))
    short = auc.placements(truth[kept], scores[:, kept], np.arange(kept.sum()))
    assert masked.auc == pytest.approx(short.auc)
    assert auc.covariance(masked) == pytest.approx(auc.covariance(short), rel=1e-12)


@pytest.mark.parametrize("block", [make_multiclass(refits=2), make_multilabel()], ids=["classes", "labels"])
def test_macro_variance_is_that_of_a_jackknife_over_patients(block):
    vectors = block.scores.reshape(-1, len(block.groups), len(block.classes))[:2]
    value, cov = auc.macro_auc(block.truth, vectors, block.groups)
    left_out = []
    for g in range(block.group_count):
        kept = block.groups != g
        _, codes = np.unique(block.groups[kept], return_inverse=True)
        left_out.append(auc.macro_auc(block.truth[kept], vectors[:, kept], codes)[0])
    count = len(left_out)
    jackknife = (count - 1) ** 2 / count * np.cov(np.array(left_out), rowvar=False)
    assert cov == pytest.approx(jackknife, rel=0.08, abs=0.02 * jackknife.max())
    plain = [
        np.mean([roc_auc_score(t[~np.isnan(t)], v[~np.isnan(t), k]) for k, t in enumerate(block.truth.T)])
        for v in vectors
    ]
    assert value == pytest.approx(plain, rel=1e-9)


def test_refits_are_averaged_first():
    block = make_multiclass(refits=2)
    vectors = block.scores.reshape(-1, len(block.groups), 3)
    value, cov = auc.macro_auc(block.truth, vectors, block.groups, repeats=2)
    alone, alone_cov = auc.macro_auc(block.truth, vectors, block.groups)
    mean = np.kron(np.eye(len(value)), [[0.5, 0.5]])
    assert value == pytest.approx(mean @ alone)
    assert cov == pytest.approx(mean @ alone_cov @ mean.T)


def test_stacked_batches_equal_one_batch(block):
    scores = block.scores[:, :, 0, :, 1].reshape(12, -1)
    together = auc.placements(block.truth[:, 1], scores, block.groups)
    pieces = [auc.placements(block.truth[:, 1], scores[i : i + 5], block.groups) for i in (0, 5, 10)]
    assert auc.covariance(auc.stack(pieces)) == pytest.approx(auc.covariance(together), abs=1e-15)


def test_what_cannot_be_computed_is_refused():
    truth = np.array([0.0, 0, 1, 1])
    with pytest.raises(ValueError, match="positives and negatives"):
        auc.placements(np.zeros(4), truth[None], np.arange(4))
    with pytest.raises(ValueError, match="NaN"):
        auc.placements(truth, np.array([[0.1, np.nan, 0.3, 0.4]]), np.arange(4))


def test_perfect_separation_and_a_single_group_of_positives_have_no_variance():
    truth = np.array([0.0, 0, 0, 1, 1])
    parts = auc.placements(truth, truth[None], np.arange(5))
    assert parts.auc == [1] and auc.covariance(parts) == [[0]]
    lonely = auc.placements(truth, np.array([[0.1, 0.5, 0.3, 0.4, 0.9]]), np.array([0, 1, 2, 3, 3]))
    assert np.isfinite(auc.covariance(lonely)).all()


def newcombe(estimate, positives, negatives, seeds=1):
    """Method 5 itself: no variance but Newcombe's."""
    alone = Inference(estimate, 0.0, math.inf, math.nan, 0.0, 0.0, 0.0, seeds)
    return auc.newcombe_joint(alone, cases([estimate], [positives], [negatives]))


def cases(areas, positives, negatives, **changes):
    return auc.Cases(np.array(areas, dtype=float), np.array(positives), np.array(negatives), **changes)


def test_newcombe_bounds_solve_their_equation():
    low, high = newcombe(0.8, 20, 30)
    for theta in (low, high):
        extra = 24 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        spread = theta * (1 - theta) * (1 + extra) / 600
        assert abs(0.8 - theta) == pytest.approx(norm.ppf(0.975) * spread**0.5, rel=1e-9)
    assert 0 < low < 0.8 < high < 1
    low, high = newcombe(1.0, 10, 12)
    assert 0.5 < low < 1 and high == 1.0
    low_of_flip, high_of_flip = newcombe(0.0, 10, 12)
    assert low_of_flip == 0.0 and high_of_flip == pytest.approx(1 - low, rel=1e-9)


def test_a_perfect_auroc_of_two_positive_patients_says_little():
    for seeds in (1, 3, 10):
        low, high = newcombe(1.0, 2, 30, seeds=seeds)
        assert low == pytest.approx(0.588, abs=0.01) and high == 1


def test_newcombe_for_seeds_adds_their_variance_and_keeps_their_share_of_the_patients():
    perfect = joint(np.ones(4), np.zeros((4, 4)))
    assert auc.newcombe_joint(perfect, cases([1], [10], [12])) == pytest.approx(newcombe(1.0, 10, 12))
    values, covariance = np.array([0.89, 0.9, 0.91]), np.full((3, 3), 1e-4) + 1e-4 * np.eye(3)
    mean = joint(values, covariance)
    alone = newcombe(0.9, 15, 100, seeds=3)
    wide, narrow = (auc.newcombe_joint(mean, cases([0.9], [15], [100], kept=kept)) for kept in (1.0, 0.3))
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]
    assert wide[0] < alone[0] and alone[1] < wide[1]


def test_newcombe_for_several_classes_is_between_one_and_all_of_them():
    one = newcombe(0.9, 20, 60)
    mean = joint(np.array([0.9]), np.zeros((1, 1)))
    three = {
        joined: auc.newcombe_joint(mean, cases([0.9] * 3, [20] * 3, [60] * 3, joined=joined)) for joined in (1.0, 3.0)
    }
    assert three[3.0] == pytest.approx(one, rel=1e-9)
    assert one[0] < three[1.0][0] < 0.9 < three[1.0][1] < one[1]
    low, high = auc.newcombe_joint(joint(np.ones(1), np.zeros((1, 1))), cases([1, 1, 1], [20] * 3, [60] * 3, joined=3))
    assert (low, high) == pytest.approx(newcombe(1.0, 20, 60))
