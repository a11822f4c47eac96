"""Sensitivity where the ROC curve, linear between its points, passes a specificity of 90%.

The threshold is read off the curve of the very images that are scored: in a report that of the holdout, anew in each
resample. Nobody has it beforehand; what a threshold fixed on validation reaches is in the table ``operating_points``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NAME = "sensitivity_at_90_specificity"
LABEL = "sensitivity at 90% specificity"
ORDER = 60
HIGHER_IS_BETTER = True
RANGE = (0.0, 1.0)
WORST = 0.0

FALSE_POSITIVES = 0.1  # 1 - specificity
ROUNDING = 1e-9  # a tenth of a whole number may come out a little below it


def ranked(positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of weighted images, (T, L) at each distinct score, falling, to (L,)."""
    hits, false = np.cumsum(positives, axis=0), np.cumsum(negatives, axis=0)
    allowed = FALSE_POSITIVES * false[-1]
    # Where the curve first leaves the allowed part, the rest of that step is cut off.
    at = (false <= allowed + ROUNDING).sum(axis=0)
    lane = np.arange(positives.shape[1])
    before = hits[at, lane] - positives[at, lane]
    share = (allowed - (false[at, lane] - negatives[at, lane])) / negatives[at, lane]
    return np.asarray((before + positives[at, lane] * share) / hits[-1])
