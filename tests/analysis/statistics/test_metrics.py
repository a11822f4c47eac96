"""Metric values against scikit-learn, influence values against the jackknife, kernels against both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from analysis.statistics import kernels, metrics
from analysis.study import bootstrap
from analysis.study.scores import score
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel

SUMS = [name for name, metric in metrics.METRICS.items() if metric.kind == "sums"]


def value(block, name, vector):
    shared, own = metrics.parts(block.task, block.truth, vector)
    return float(metrics.value(name, metrics.join(shared.sum(0), own.sum(0))))


def test_binary_values_are_scikit_learns(block):
    vector = block.scores[0, 0, 0]
    y, p = block.truth[:, 1], vector[:, 1]
    expected = {
        "balanced_accuracy": sk.balanced_accuracy_score(y, p > 0.5),
        "mcc": sk.matthews_corrcoef(y, p > 0.5),
        "macro_f1": sk.f1_score(y, p > 0.5, average="macro"),
        "log_loss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p),
    }
    for name in SUMS:
        assert value(block, name, vector) == pytest.approx(expected[name], rel=1e-9), name


def test_multiclass_values_are_scikit_learns():
    whole = make_multiclass()
    vector = whole.scores[0, 0, 0]
    y, said = whole.truth.argmax(1), vector.argmax(1)
    assert value(whole, "mcc", vector) == pytest.approx(sk.matthews_corrcoef(y, said))
    assert value(whole, "macro_f1", vector) == pytest.approx(sk.f1_score(y, said, average="macro"))
    assert value(whole, "balanced_accuracy", vector) == pytest.approx(sk.balanced_accuracy_score(y, said))
    assert value(whole, "log_loss", vector) == pytest.approx(sk.log_loss(y, vector.astype(float)), rel=1e-6)
    assert value(whole, "brier", vector) == pytest.approx(((vector - whole.truth) ** 2).sum(1).mean(), rel=1e-6)


def test_multilabel_values_mask_unknown_labels():
    whole = make_multilabel()
    vector = whole.scores[0, 0, 0].astype(float)
    known = ~np.isnan(whole.truth)
    per_label = [(whole.truth[known[:, k], k], vector[known[:, k], k]) for k in range(3)]
    expected = np.mean([sk.log_loss(y, p) for y, p in per_label])
    assert value(whole, "log_loss", vector) == pytest.approx(expected)
    expected = np.mean([sk.balanced_accuracy_score(y, p >= 0.5) for y, p in per_label])
    assert value(whole, "balanced_accuracy", vector) == pytest.approx(expected)
    expected = np.mean([sk.brier_score_loss(y, p) for y, p in per_label])
    assert value(whole, "brier", vector) == pytest.approx(expected)


def test_one_predicted_class_has_mcc_zero(block):
    constant = np.tile([0.9, 0.1], (len(block.groups), 1))
    assert value(block, "mcc", constant) == 0
    shared, own = metrics.parts("binary", block.truth, constant)
    at, contributions = metrics.influence("mcc", shared, own)
    assert at == 0 and np.isfinite(contributions).all()


def test_impossible_certainty_is_clipped():
    truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    shared, own = metrics.parts("binary", truth, truth[::-1])
    loss = metrics.value("log_loss", metrics.join(shared.sum(0), own.sum(0)))
    assert loss == pytest.approx(-np.log(metrics.CLIP), rel=1e-6)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("make", [make_block, make_multiclass, make_multilabel])
def test_influence_is_the_jackknifes(name, make):
    whole = make(images=240)
    shared, own = bootstrap.grouped_parts(whole, whole.scores[0, 0, 0])
    at, contributions = metrics.influence(name, shared, own)
    count = len(shared)
    assert contributions.sum() == pytest.approx(0, abs=1e-12)
    total = metrics.join(shared.sum(0) - shared, own.sum(0) - own)
    left_out = metrics.value(name, total)
    jackknife = (count - 1) ** 2 / count * np.var(left_out, ddof=1)
    assert count / (count - 1) * (contributions**2).sum() == pytest.approx(jackknife, rel=0.1)
    assert at == pytest.approx(value(whole, name, whole.scores[0, 0, 0]))


@st.composite
def weighted(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(8, 40))
    truth = rng.permutation(np.arange(count) % 3 == 0).astype(float)
    if draw(st.booleans()):
        truth[rng.integers(count)] = np.nan
    scores = np.round(rng.normal(size=(3, count)) + np.nan_to_num(truth), draw(st.integers(0, 4)))
    weights = rng.integers(0, 4, size=(count, draw(st.sampled_from([1, 5, 16, 21])))).astype(np.uint16)
    weights[np.flatnonzero(truth == 1)[0]] += 1
    weights[np.flatnonzero(truth == 0)[0]] += 1
    return truth, scores, weights


@settings(max_examples=40, deadline=None)
@given(weighted())
def test_kernels_are_scikit_learns_with_weights(case):
    truth, scores, weights = case
    known = ~np.isnan(truth)
    found = kernels.evaluate(kernels.RANKING, kernels.sort(truth, scores), weights, compiled=False)
    for v, lane in np.ndindex(3, weights.shape[1]):
        args = truth[known], scores[v, known]
        weight = weights[known, lane].astype(float)
        assert found["auroc"][v, lane] == pytest.approx(sk.roc_auc_score(*args, sample_weight=weight), abs=1e-12)
        ap = sk.average_precision_score(*args, sample_weight=weight)
        assert found["average_precision"][v, lane] == pytest.approx(ap, abs=1e-12)
        fpr, tpr, _ = sk.roc_curve(*args, sample_weight=weight, drop_intermediate=False)
        below = np.flatnonzero(fpr <= 0.1 + 1e-12)[-1]
        rest = (0.1 - fpr[below]) / (fpr[below + 1] - fpr[below])
        expected = tpr[below] + max(rest, 0) * (tpr[below + 1] - tpr[below])
        assert found["sensitivity_at_90_specificity"][v, lane] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(weighted())
def test_compiled_kernels_equal_numpys(case):
    pytest.importorskip("numba")
    truth, scores, weights = case
    vectors = kernels.sort(truth, scores)
    plain = kernels.evaluate(kernels.RANKING, vectors, weights, compiled=False)
    quick = kernels.evaluate(kernels.RANKING, vectors, weights, compiled=True)
    for name in kernels.RANKING:
        np.testing.assert_allclose(quick[name], plain[name], rtol=0, atol=1e-12)


def test_counting_is_the_same_compiled():
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 7, size=(21, 7), dtype=np.uint32)
    members = np.array([0, 2, 3, 5, 8, 9, 11])
    both = [np.zeros((12, 21), np.uint16) for _ in range(2)]
    for weights, compiled in zip(both, (False, True), strict=True):
        kernels.count(drawn, members, weights, compiled)
    assert (both[0] == both[1]).all() and (both[0].sum(0) == 7).all()


@pytest.mark.parametrize("name", list(metrics.METRICS))
@pytest.mark.parametrize("make", [make_block, make_multiclass, make_multilabel])
def test_every_metric_has_a_covariance_that_the_bootstrap_confirms(name, make):
    whole = make(images=300)
    scored = score(whole, name)
    drawn = bootstrap.replicate(whole, (name,), 1500, np.random.SeedSequence(3)).values[name]
    spread = drawn.reshape(1500, -1).var(0, ddof=1)
    assert np.diag(scored.covariance).mean() == pytest.approx(spread.mean(), rel=0.15)
    assert drawn.mean(0) == pytest.approx(scored.values, abs=4 * np.sqrt(spread.max()))
    eigenvalues = np.linalg.eigvalsh(scored.covariance)
    assert eigenvalues.min() > -1e-6 * eigenvalues.max()
