"""Brier score: the mean squared error of the probabilities (Brier, Monthly Weather Review 1950)."""

from __future__ import annotations

import numpy as np

from benchmark.sums import Numbers, Sums

NAME = "brier"
LABEL = "Brier score"
ORDER = 80
HIGHER_IS_BETTER = False
RANGE = (0.0, 2.0)
WORST = 2.0


def of_sums(sums: Sums) -> Numbers:
    """(..., Q) one a problem; of two classes the positive's alone, so at most 1."""
    return np.asarray(sums.square / sums.true.sum(axis=-1))
