"""The tuning metrics on inner validation: higher is better, and each has a worst value for trials that diverge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.results import Task

#: metric -> the value of a trial that diverged.
WORST = {"auroc": 0.0, "average_precision": 0.0, "balanced_accuracy": 0.0, "log_loss": -1e3}

CLIP = 1e-7  # probabilities are kept this far from 0 and 1


def validation_score(
    metric: str, task: Task, y_true: npt.NDArray[np.floating], y_score: npt.NDArray[np.floating]
) -> float:
    """The metric of one fold.

    Args:
        metric: "auroc" or "average_precision" (the positive class of a binary task, else the mean over classes
            or labels, one against the rest), "balanced_accuracy" (mean recall of the classes; at a threshold of
            one half for labels) or "log_loss" (negated).
        task: of the data set.
        y_true: (N, K) one-hot, or 0/1 with NaN for unknown labels, which are masked.
        y_score: (N, K) probabilities.

    Returns:
        The score. Classes and labels that have only one value in this fold are left out of a mean.

    Raises:
        ValueError: no class or label has both values.
    """
    from sklearn.metrics import average_precision_score, recall_score, roc_auc_score

    if metric == "log_loss":
        return -_log_loss(task, y_true, y_score)
    if metric == "balanced_accuracy" and task != "multilabel":
        return float(recall_score(y_true.argmax(1), y_score.argmax(1), average="macro", zero_division=0.0))
    columns = [1] if task == "binary" else range(y_true.shape[1])
    scores = []
    for column in columns:
        known = ~np.isnan(y_true[:, column])
        truth, score = y_true[known, column] > 0.5, y_score[known, column]
        if truth.all() or not truth.any():
            continue
        if metric == "auroc":
            scores.append(roc_auc_score(truth, score))
        elif metric == "average_precision":
            scores.append(average_precision_score(truth, score))
        else:
            scores.append(recall_score(truth, score >= 0.5, average="macro"))
    if not scores:
        raise ValueError("no class has both positives and negatives in this fold")
    return float(np.mean(scores))


def _log_loss(task: Task, y_true: npt.NDArray[np.floating], y_score: npt.NDArray[np.floating]) -> float:
    score = np.clip(y_score.astype(np.float64), CLIP, 1 - CLIP)
    if task == "multilabel":
        known = ~np.isnan(y_true)
        losses = -np.where(y_true > 0.5, np.log(score), np.log1p(-score))
        return float(losses[known].mean())
    score = score / score.sum(axis=1, keepdims=True)
    return float(-(y_true * np.log(score)).sum(axis=1).mean())
