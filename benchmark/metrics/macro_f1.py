"""Macro F1: the mean over classes of the harmonic mean of precision and recall, at the default threshold."""

from __future__ import annotations

import numpy as np

from benchmark.sums import Numbers, Sums

NAME = "macro_f1"
LABEL = "macro F1"
ORDER = 50
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0


def of_sums(sums: Sums) -> Numbers:
    """(..., Q) one a problem; of a label, the F1 of its presence would hide absent images, so both count."""
    return np.asarray((2 * sums.hits / (sums.true + sums.predicted)).mean(axis=-1))
