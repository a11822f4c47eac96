"""Log-loss: the mean negative log-likelihood of an image's class, or of a label's state."""

from __future__ import annotations

import math

import numpy as np

from benchmark.sums import Numbers, Sums

NAME = "log_loss"
LABEL = "log-loss"
ORDER = 70
HIGHER_IS_BETTER = False
RANGE = (0.0, math.inf)
WORST = 1e3  # far above 16.1, the largest that clipped probabilities give


def of_sums(sums: Sums) -> Numbers:
    """(..., Q) one a problem."""
    return np.asarray(sums.loss / sums.true.sum(axis=-1))
