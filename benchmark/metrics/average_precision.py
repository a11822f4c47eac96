"""Average precision: the sum over distinct scores of precision times the gain in recall, not interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

NAME = "average_precision"
LABEL = "average precision"
ORDER = 20
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0


def of_class(truth: npt.NDArray[np.bool_], score: npt.NDArray[Any]) -> float:
    """Of one class or label, by scikit-learn."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score))


def ranked(positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of weighted images, (T, L) at each distinct score, falling, to (L,)."""
    hits = np.cumsum(positives, axis=0)
    taken = hits + np.cumsum(negatives, axis=0)
    return np.asarray((positives * (hits / np.maximum(taken, 1))).sum(axis=0) / hits[-1])
