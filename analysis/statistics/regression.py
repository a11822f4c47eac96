"""How much of the values of a search a set of columns explains, judged on trials that were left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PENALTY = 1.0  # of ridge regression, on standardised columns


def explained(columns: Floats, values: Floats, penalty: float = PENALTY) -> float:
    """Share of the variance of (T,) values that a ridge regression on (T, P) columns predicts, leaving one out.

    1 - PRESS / total, both about means that leave the same trial out (Allen, Technometrics 1974): negative where the
    mean of the others predicts better. 0 where nothing varies, or there is no column.
    """
    count = len(values)
    total = float(((values - values.mean()) ** 2).sum()) * (count / (count - 1)) ** 2 if count > 1 else 0.0
    spread = columns.std(axis=0)
    moving = (columns[:, spread > 0] - columns[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    if total == 0 or not moving.shape[1]:
        return 0.0
    gram = moving.T @ moving + penalty * np.eye(moving.shape[1])
    hat = moving @ np.linalg.solve(gram, moving.T) + 1 / count
    residuals = (values - hat @ values) / (1 - np.diag(hat))
    return float(1 - (residuals**2).sum() / total)
