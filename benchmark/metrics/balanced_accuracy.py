"""Balanced accuracy: the mean recall of the classes, at the default threshold."""

from __future__ import annotations

import numpy as np

from benchmark.sums import Numbers, Sums

NAME = "balanced_accuracy"
LABEL = "balanced accuracy"
ORDER = 30
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0


def of_sums(sums: Sums) -> Numbers:
    """(..., Q) one a problem."""
    return np.asarray((sums.hits / sums.true).mean(axis=-1))
