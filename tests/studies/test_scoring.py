import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from studies.scoring import WORST, validation_score

RNG = np.random.default_rng(0)


def multiclass(n=60, k=3):
    truth = np.arange(n) % k
    score = RNG.dirichlet(np.ones(k), n)
    return truth, np.eye(k)[truth], score


def test_binary_takes_the_second_class():
    truth, one_hot, score = multiclass(k=2)
    assert validation_score("auroc", "binary", one_hot, score) == roc_auc_score(truth, score[:, 1])


def test_multiclass_metrics_are_sklearns():
    truth, one_hot, score = multiclass()
    expected = roc_auc_score(truth, score, multi_class="ovr", average="macro")
    assert validation_score("auroc", "multiclass", one_hot, score) == pytest.approx(expected)
    expected = balanced_accuracy_score(truth, score.argmax(1))
    assert validation_score("balanced_accuracy", "multiclass", one_hot, score) == pytest.approx(expected)
    assert validation_score("log_loss", "multiclass", one_hot, score) == pytest.approx(-log_loss(truth, score))


def test_unknown_labels_and_one_sided_labels_are_left_out():
    truth = np.array([[1, np.nan, 1], [0, 1, 1], [1, 0, 1], [0, 0, 1]], dtype=float)
    score = RNG.random((4, 3))
    expected = np.mean([roc_auc_score(truth[:, 0], score[:, 0]), roc_auc_score(truth[1:, 1], score[1:, 1])])
    assert validation_score("auroc", "multilabel", truth, score) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no class"):
        validation_score("auroc", "multilabel", truth[:, 2:], score[:, 2:])


@pytest.mark.parametrize("metric", sorted(WORST))
def test_the_worst_value_is_not_above_any_score(metric):
    _, one_hot, _ = multiclass()
    wrong = np.roll(one_hot, 1, axis=1)
    assert WORST[metric] <= validation_score(metric, "multiclass", one_hot, wrong)
