"""Metric values against scikit-learn, influence values against the jackknife, kernels against both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from analysis.statistics import kernels
from analysis.statistics.influence import influence, of_sums
from analysis.study import bootstrap
from analysis.study.scores import score
from benchmark import metrics
from benchmark.sums import CLIP, join, parts
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel

METRICS = [metrics.find(name) for name in metrics.names()]
SUMS = [metric for metric in METRICS if metric.of_sums is not None]
RANKING = [metric for metric in METRICS if metric.ranked is not None]


def name_of(value):
    return getattr(value, "name", None)


def value(block, name, vector):
    shared, own = parts(block.task, block.truth, vector)
    return float(of_sums(metrics.find(name), join(shared.sum(0), own.sum(0))))


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
    for name, of_library in expected.items():
        assert value(block, name, vector) == pytest.approx(of_library, rel=1e-9), name


def test_multiclass_values_are_scikit_learns():
    block = make_multiclass()
    vector = block.scores[0, 0, 0]
    y, predicted = block.truth.argmax(1), vector.argmax(1)
    assert value(block, "mcc", vector) == pytest.approx(sk.matthews_corrcoef(y, predicted))
    assert value(block, "macro_f1", vector) == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    assert value(block, "balanced_accuracy", vector) == pytest.approx(sk.balanced_accuracy_score(y, predicted))
    assert value(block, "log_loss", vector) == pytest.approx(sk.log_loss(y, vector.astype(float)), rel=1e-6)
    assert value(block, "brier", vector) == pytest.approx(((vector - block.truth) ** 2).sum(1).mean(), rel=1e-6)


def test_multilabel_values_mask_unknown_labels():
    block = make_multilabel()
    vector = block.scores[0, 0, 0].astype(float)
    known = ~np.isnan(block.truth)
    per_label = [(block.truth[known[:, k], k], vector[known[:, k], k]) for k in range(3)]
    expected = np.mean([sk.log_loss(y, p) for y, p in per_label])
    assert value(block, "log_loss", vector) == pytest.approx(expected)
    expected = np.mean([sk.balanced_accuracy_score(y, p >= 0.5) for y, p in per_label])
    assert value(block, "balanced_accuracy", vector) == pytest.approx(expected)
    expected = np.mean([sk.brier_score_loss(y, p) for y, p in per_label])
    assert value(block, "brier", vector) == pytest.approx(expected)


def test_one_predicted_class_has_mcc_zero(block):
    constant = np.tile([0.9, 0.1], (len(block.groups), 1))
    assert value(block, "mcc", constant) == 0
    total, contributions = influence(metrics.find("mcc"), *parts("binary", block.truth, constant))
    assert total == 0 and np.isfinite(contributions).all()


def test_impossible_certainty_is_clipped():
    truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    shared, own = parts("binary", truth, truth[::-1])
    loss = of_sums(metrics.find("log_loss"), join(shared.sum(0), own.sum(0)))
    assert loss == pytest.approx(-np.log(CLIP), rel=1e-6)


@pytest.mark.parametrize("metric", SUMS, ids=name_of)
@pytest.mark.parametrize("make", [make_block, make_multiclass, make_multilabel])
def test_influence_is_the_jackknifes(metric, make):
    block = make(images=240)
    shared, own = bootstrap.grouped_parts(block, block.scores[0, 0, 0])
    total, contributions = influence(metric, shared, own)
    count = len(shared)
    assert contributions.sum() == pytest.approx(0, abs=1e-12)
    left_out = of_sums(metric, join(shared.sum(0) - shared, own.sum(0) - own))
    jackknife = (count - 1) ** 2 / count * np.var(left_out, ddof=1)
    assert count / (count - 1) * (contributions**2).sum() == pytest.approx(jackknife, rel=0.1)
    assert total == pytest.approx(value(block, metric.name, block.scores[0, 0, 0]))


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
    values = kernels.evaluate(RANKING, kernels.sort(truth, scores), weights, compiled=False)
    for v, lane in np.ndindex(3, weights.shape[1]):
        args = truth[known], scores[v, known]
        weight = weights[known, lane].astype(float)
        assert values["auroc"][v, lane] == pytest.approx(sk.roc_auc_score(*args, sample_weight=weight), abs=1e-12)
        ap = sk.average_precision_score(*args, sample_weight=weight)
        assert values["average_precision"][v, lane] == pytest.approx(ap, abs=1e-12)
        fpr, tpr, _ = sk.roc_curve(*args, sample_weight=weight, drop_intermediate=False)
        below = np.flatnonzero(fpr <= 0.1 + 1e-12)[-1]
        rest = (0.1 - fpr[below]) / (fpr[below + 1] - fpr[below])
        expected = tpr[below] + max(rest, 0) * (tpr[below + 1] - tpr[below])
        assert values["sensitivity_at_90_specificity"][v, lane] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(weighted())
def test_compiled_kernels_equal_numpys(case):
    pytest.importorskip("numba")
    truth, scores, weights = case
    vectors = kernels.sort(truth, scores)
    plain = kernels.evaluate(RANKING, vectors, weights, compiled=False)
    quick = kernels.evaluate(RANKING, vectors, weights, compiled=True)
    for metric in RANKING:
        np.testing.assert_allclose(quick[metric.name], plain[metric.name], rtol=0, atol=1e-12)
        alone = kernels.evaluate([metric], vectors, weights, compiled=True)
        assert (alone[metric.name] == quick[metric.name]).all(), "one walk serves all, and leaves each as it is alone"


def test_weights_too_heavy_for_32_bits_are_counted_in_full():
    pytest.importorskip("numba")
    rng = np.random.default_rng(1)
    truth = np.repeat([0.0, 1.0], 15)
    vectors = kernels.sort(truth, np.round(rng.normal(size=(2, 30)) + truth, 1))
    weights = rng.integers(1, 60_000, size=(30, 3)).astype(np.uint16)
    plain, quick = (kernels.evaluate(RANKING, vectors, weights, compiled=use) for use in (False, True))
    for metric in RANKING:
        np.testing.assert_allclose(quick[metric.name], plain[metric.name], rtol=1e-12)


def test_counting_is_the_same_compiled():
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 7, size=(21, 7), dtype=np.uint32)
    members = np.array([0, 2, 3, 5, 8, 9, 11])
    both = [np.zeros((12, 21), np.uint16) for _ in range(2)]
    for weights, compiled in zip(both, (False, True), strict=True):
        kernels.count(drawn, members, weights, compiled)
    assert (both[0] == both[1]).all() and (both[0].sum(0) == 7).all()


@pytest.mark.parametrize("metric", METRICS, ids=name_of)
@pytest.mark.parametrize("make", [make_block, make_multiclass, make_multilabel])
def test_every_metric_has_a_covariance_that_the_bootstrap_confirms(metric, make):
    block = make(images=300)
    scored = score(block, metric)
    drawn = bootstrap.replicate(block, (metric,), 1500, np.random.SeedSequence(3)).values[metric.name]
    spread = drawn.reshape(1500, -1).var(0, ddof=1)
    assert np.diag(scored.covariance).mean() == pytest.approx(spread.mean(), rel=0.15)
    assert drawn.mean(0) == pytest.approx(scored.values, abs=4 * np.sqrt(spread.max()))
    eigenvalues = np.linalg.eigvalsh(scored.covariance)
    assert eigenvalues.min() > -1e-6 * eigenvalues.max()
