"""What every metric must satisfy, found by being there; and scikit-learn as the oracle of those that tuning knows."""

import importlib
import math
import sys

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss, roc_auc_score

from analysis.statistics import kernels
from analysis.statistics.influence import of_sums
from benchmark import metrics
from benchmark.errors import InputError
from benchmark.results import TASKS
from benchmark.sums import join, parts

EVERY_METRIC = pytest.mark.parametrize("metric", [metrics.find(name) for name in metrics.names()], ids=metrics.names())
EVERY_TASK = pytest.mark.parametrize("task", TASKS)
CLASSES = {"binary": 2, "multiclass": 3, "multilabel": 3}


def case(task, images=90, seed=0):
    """(N, K) truth, unknown for some labels, and scores that follow it loosely."""
    rng = np.random.default_rng(seed)
    width = CLASSES[task]
    if task == "multilabel":
        truth = (rng.random((images, width)) < 0.4).astype(float)
        score = 1 / (1 + np.exp(-(rng.normal(size=truth.shape) + 1.3 * truth - 0.6)))
        truth[rng.random(truth.shape) < 0.2] = np.nan
        return truth, score
    truth = np.eye(width)[rng.permutation(np.arange(images) % width)]
    logits = rng.normal(size=truth.shape) + truth
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def perfect(task, truth):
    return np.nan_to_num(truth, nan=0.5) if task == "multilabel" else truth


def reverse(task, truth):
    """Scores of which no order and no class is right."""
    return 1 - perfect(task, truth) if task == "multilabel" else (1 - truth) / (truth.shape[1] - 1)


def weighted(metric, task, truth, score, weights):
    """The metric under (N, L) weights of the images, as the bootstrap computes it: (L,)."""
    if metric.of_sums is not None:
        shared, own = (np.tensordot(weights.T.astype(float), part, axes=1) for part in parts(task, truth, score))
        return of_sums(metric, join(shared, own))
    columns = metrics.columns_of(task, truth.shape[1])
    both = []
    for compiled in (False, None):
        values = [kernels.evaluate((metric,), kernels.sort(truth[:, k], score[None, :, k]), weights, compiled)
                  for k in columns]  # fmt: skip
        both.append(np.mean([value[metric.name][0] for value in values], axis=0))
    assert both[0] == pytest.approx(both[1], abs=1e-12)
    return both[0]


@EVERY_METRIC
@EVERY_TASK
def test_the_value_is_that_of_unit_weights(metric, task):
    truth, score = case(task)
    ones = np.ones((len(truth), 1), dtype=np.uint16)
    assert metric.value(task, truth, score) == pytest.approx(weighted(metric, task, truth, score, ones)[0], rel=1e-12)


@EVERY_METRIC
@EVERY_TASK
@pytest.mark.parametrize("digits", [1, 12], ids=["ties", "distinct"])
def test_a_whole_number_of_weight_is_a_repeated_image(metric, task, digits):
    truth, score = case(task)
    if task == "multilabel" or digits > 1:  # class probabilities that are rounded no longer sum to one
        score = np.round(score, digits)
    elif task == "binary":
        positive = np.round(score[:, 1], digits)
        score = np.stack([1 - positive, positive], axis=1)
    weights = np.random.default_rng(1).integers(0, 4, size=(len(truth), 5)).astype(np.uint16)
    values = weighted(metric, task, truth, score, weights)
    for lane in range(weights.shape[1]):
        repeated = np.repeat(np.arange(len(truth)), weights[:, lane])
        assert values[lane] == pytest.approx(metric.value(task, truth[repeated], score[repeated]), rel=1e-12)


@EVERY_METRIC
@EVERY_TASK
def test_perfect_is_best_almost_reversedis_worst_and_all_lie_in_the_range(metric, task):
    truth, score = case(task)
    rng = np.random.default_rng(2)
    noise = rng.random(score.shape) if task == "multilabel" else rng.dirichlet(np.ones(truth.shape[1]), len(truth))
    almost_reversed = 0.999 * reverse(task, truth) + 0.001 * noise  # not certain, and without ties
    best, good, none, bad, certainly_bad = (
        metric.value(task, truth, scores)
        for scores in (perfect(task, truth), score, noise, almost_reversed, reverse(task, truth))
    )
    sign = metric.sign
    assert sign * best >= sign * good >= sign * bad and sign * best >= sign * none >= sign * bad
    assert sign * best > sign * bad
    low, high = metric.range
    for value in (best, good, none, bad, certainly_bad):
        assert low - 1e-12 <= value <= high + 1e-12
        assert sign * metric.worst <= sign * value + 1e-12
    assert metric.unit_interval == (metric.range == (0.0, 1.0) and metric.higher_is_better)


@EVERY_METRIC
def test_a_multilabel_value_is_the_mean_over_labels_of_their_known_images(metric):
    truth, score = case("multilabel")
    known = ~np.isnan(truth)
    of_labels = [
        metric.value(
            "binary",
            np.stack([1 - truth[known[:, k], k], truth[known[:, k], k]], axis=1),
            np.stack([1 - score[known[:, k], k], score[known[:, k], k]], axis=1),
        )
        for k in range(truth.shape[1])
    ]
    value = metric.value("multilabel", truth, score)
    assert value == pytest.approx(np.mean(of_labels), rel=1e-12)
    assert metric.value("multilabel", truth, np.where(known, score, 1 - score)) == value


@EVERY_METRIC
def test_labels_with_one_value_are_left_out_and_nothing_else_is_refused(metric):
    truth, score = case("multilabel")
    value = metric.value("multilabel", truth, score)
    with_absent = np.column_stack([truth, np.zeros(len(truth))]), np.column_stack([score, score[:, 0]])
    assert metric.value("multilabel", *with_absent) == pytest.approx(value, rel=1e-12)
    with pytest.raises(ValueError, match="no class"):
        metric.value("multilabel", np.ones((4, 1)), score[:4, :1])


def multiclass(n=60, k=3):
    truth = np.arange(n) % k
    score = np.random.default_rng(0).dirichlet(np.ones(k), n)
    return truth, np.eye(k)[truth], score


def value(name, *args):
    return metrics.find(name).value(*args)


def test_binary_takes_the_second_class():
    truth, one_hot, score = multiclass(k=2)
    assert value("auroc", "binary", one_hot, score) == roc_auc_score(truth, score[:, 1])
    assert value("average_precision", "binary", one_hot, score) == average_precision_score(truth, score[:, 1])


def test_multiclass_metrics_are_sklearns():
    truth, one_hot, score = multiclass()
    expected = roc_auc_score(truth, score, multi_class="ovr", average="macro")
    assert value("auroc", "multiclass", one_hot, score) == pytest.approx(expected)
    expected = average_precision_score(one_hot, score, average="macro")
    assert value("average_precision", "multiclass", one_hot, score) == pytest.approx(expected)
    expected = balanced_accuracy_score(truth, score.argmax(1))
    assert value("balanced_accuracy", "multiclass", one_hot, score) == pytest.approx(expected)
    assert value("log_loss", "multiclass", one_hot, score) == pytest.approx(log_loss(truth, score))


def test_unknown_labels_and_one_sided_labels_are_left_out():
    truth = np.array([[1, np.nan, 1], [0, 1, 1], [1, 0, 1], [0, 0, 1]], dtype=float)
    score = np.random.default_rng(0).random((4, 3))
    known = [(truth[:, 0], score[:, 0]), (truth[1:, 1], score[1:, 1])]
    for name, library in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        assert value(name, "multilabel", truth, score) == pytest.approx(np.mean([library(*label) for label in known]))
    expected = np.mean([balanced_accuracy_score(y, p >= 0.5) for y, p in known])
    assert value("balanced_accuracy", "multilabel", truth, score) == pytest.approx(expected)
    # The mean over labels, not over all known labels together: a label counts as much as another.
    assert value("log_loss", "multilabel", truth, score) == pytest.approx(np.mean([log_loss(y, p) for y, p in known]))
    with pytest.raises(ValueError, match="no class"):
        value("auroc", "multilabel", truth[:, 2:], score[:, 2:])


FILE = """
NAME = "accuracy"
LABEL = "accuracy"
ORDER = 35
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0


def of_sums(sums):
    return sums.hits.sum(axis=-1) / sums.true.sum(axis=-1)
"""


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Add a file to the metrics' package, for one test."""

    def forget():
        metrics.MODULES.forget()
        metrics.find.cache_clear()
        for path in tmp_path.glob("*.py"):
            sys.modules.pop(f"{metrics.__name__}.{path.stem}", None)
            vars(metrics).pop(path.stem, None)

    def write(name, text):
        (tmp_path / name).write_text(text)
        importlib.invalidate_caches()
        forget()

    with monkeypatch.context() as patch:
        patch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
        yield write
    forget()


def test_a_metric_is_added_by_one_file(add, capsys):
    add("accuracy.py", FILE)
    names = metrics.names()
    assert names.index("accuracy") == names.index("balanced_accuracy") + 1
    truth, one_hot, score = multiclass()
    assert value("accuracy", "multiclass", one_hot, score) == pytest.approx((score.argmax(1) == truth).mean())
    assert metrics.MODULES.problems() == () and capsys.readouterr().err == ""


BROKEN = {
    "it lacks LABEL. Example: LABEL = ": FILE.replace("LABEL =", "TITLE ="),
    "its ORDER is 'last'. Example: ORDER = 10": FILE.replace("35", "'last'"),
    "either ranked(positives, negatives) or of_sums(sums)": FILE.replace("def of_sums", "def of_all"),
    "its of_sums takes (sums, weights). Example: def of_sums(sums)": FILE.replace("of_sums(sums)", "of_sums(sums, weights)"),  # noqa: E501
    "its WORST 0.5 is better than 0.0": FILE.replace("WORST = 0.0", "WORST = 0.5"),
    "its NAME 'mcc' is taken by mcc.py": FILE.replace('NAME = "accuracy"', 'NAME = "mcc"'),
    "it cannot be imported (SyntaxError": FILE + "def (",
}  # fmt: skip


@pytest.mark.parametrize("problem", BROKEN)
def test_a_half_written_metric_is_left_out_and_named(add, capsys, problem):
    intact = metrics.names()
    add("zz_half.py", BROKEN[problem])
    assert metrics.names() == intact
    warned = capsys.readouterr().err
    assert "zz_half.py: " in warned and problem in warned
    assert [problem in text for text in metrics.MODULES.problems()] == [True]
    if problem.startswith("it lacks"):
        with pytest.raises(InputError, match=r"'accuracy' cannot be used: .*zz_half\.py: it lacks LABEL"):
            metrics.find("accuracy")


def test_an_unknown_metric_is_refused_with_the_near_miss():
    with pytest.raises(InputError, match="auroc"):
        metrics.find("aurok")


def test_log_loss_has_no_upper_end_and_its_worst_is_beyond_certainty_that_is_wrong():
    loss = metrics.find("log_loss")
    assert math.isinf(loss.range[1]) and loss.sign == -1
    _, one_hot, _ = multiclass()
    assert loss.value("multiclass", one_hot, np.roll(one_hot, 1, axis=1)) < loss.worst < math.inf
