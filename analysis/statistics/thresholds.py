"""Thresholds on the scores of one class against the rest: an image is called positive where its score is not below."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.floating[Any]]

ROUNDING = 1e-9  # a tenth of a whole number may come out a little below it


def youden(truth: Floats, scores: Scores) -> float:
    """The threshold of the largest J = sensitivity + specificity - 1 (Youden, Cancer 1950).

    Of several with the same J it is the highest: the one with fewest false positives.

    Args:
        truth: (N,) of 0 and 1, both of which occur.
        scores: (N,) in [0, 1].

    Raises:
        ValueError: positives or negatives are missing.
    """
    thresholds, hits, false = _steps(truth, scores)
    exact = hits * false[-1] - false * hits[-1]  # J times a constant, in whole numbers: ties are ties
    return float(thresholds[int(exact.argmax())])


def at_specificity(truth: Floats, scores: Scores, specificity: float) -> float:
    """The lowest threshold with at least this specificity: of those, it has the largest sensitivity.

    Args:
        truth, scores: as `youden` takes them.
        specificity: in [0, 1].

    Raises:
        ValueError: positives or negatives are missing.
    """
    thresholds, _, false = _steps(truth, scores)
    allowed = (1 - specificity) * false[-1] + ROUNDING
    return float(thresholds[int(np.searchsorted(false, allowed, side="right")) - 1])


def rates(truth: Floats, scores: Scores, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity at a threshold; arguments as `youden` takes them."""
    called = scores.astype(np.float64) >= threshold  # in single precision the threshold would be rounded, too
    return float(called[truth == 1].mean()), float((~called)[truth == 0].mean())


def _steps(truth: Floats, scores: Scores) -> tuple[Floats, Floats, Floats]:
    """Falling thresholds, and the positives and negatives at or above them: (T + 1,) each for T distinct scores.

    The first is above all scores, the last below them; the others lie in the middle between two neighbours, as nothing
    says which of these the next image will resemble. The ends are in the middle between a score and 0 or 1.
    """
    positive = truth == 1
    if positive.all() or not positive.any():
        raise ValueError("a threshold needs positives and negatives")
    levels, place = np.unique(-scores.astype(np.float64), return_inverse=True)
    levels = -levels
    top = (levels[0] + 1) / 2 if levels[0] < 1 else np.nextafter(1.0, 2.0)
    between = (levels + np.append(levels[1:], 0.0)) / 2
    counts = [np.bincount(place, of.astype(np.float64), len(levels)) for of in (positive, ~positive)]
    hits, false = (np.append(0.0, np.cumsum(count)) for count in counts)
    return np.append(top, between), hits, false
