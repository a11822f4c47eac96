"""Area under the ROC curve: the probability that a positive scores above a negative, ties one half."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

NAME = "auroc"
LABEL = "AUROC"
ORDER = 10
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0


def of_class(truth: npt.NDArray[np.bool_], score: npt.NDArray[Any]) -> float:
    """Of one class or label, by scikit-learn."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score))


def ranked(positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of weighted images, (T, L) at each distinct score, falling, to (L,)."""
    above = np.cumsum(positives, axis=0)
    wins = (negatives * (above - positives / 2)).sum(axis=0)
    return np.asarray(wins / (above[-1] * negatives.sum(axis=0)))
