"""Scores for another prevalence: what a model says of images whose classes are mixed as in training, said of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.sums import CLIP

Floats = npt.NDArray[np.float64]


def correct(scores: npt.NDArray[np.floating[Any]], training: Floats, target: Floats) -> Floats:
    """Class probabilities for another prior (Saerens, Latinne and Decaestecker, Neural Computation 2002, equation 2).

    Every probability is multiplied by the ratio of the target's to the training's prior, and they are renormalised; so
    the odds of two classes are multiplied by the ratio of their ratios. It is exact where images of a class look alike
    in both, and the scores are calibrated to the training prior.

    Args:
        scores: (..., K) probabilities, kept `CLIP` from 0 and 1.
        training, target: (K,) shares of the classes, above 0; the scale does not matter.
    """
    moved = np.clip(scores.astype(np.float64), CLIP, 1 - CLIP) * (target / training)
    return np.asarray(moved / moved.sum(axis=-1, keepdims=True))


def correct_labels(scores: npt.NDArray[np.floating[Any]], training: Floats, target: Floats) -> Floats:
    """The same for K labels that may hold together: each is a problem of two classes, present and absent.

    Args:
        scores: (..., K) probabilities of presence.
        training, target: (K,) prevalences, in (0, 1).
    """
    clipped = np.clip(scores.astype(np.float64), CLIP, 1 - CLIP)
    present = clipped * (target / training)
    absent = (1 - clipped) * ((1 - target) / (1 - training))
    return np.asarray(present / (present + absent))
