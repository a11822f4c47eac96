"""Sums over images from which many metrics follow: a confusion table, a summed loss, a summed square.

A metric that is a smooth function of such sums has a bootstrap that is a matrix product, and influence values that come
from one gradient. What each image adds is computed here, once, for tuning and for the analysis alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.results import Task

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]  # real, or complex while a gradient is taken

CLIP = 1e-7  # probabilities are kept this far from 0 and 1 before a logarithm is taken


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over images; leading axes are free (images, resamples, vectors).

    A binary or multi-class task is one problem of K classes; a multi-label task is a problem of two classes
    (absent, present) for every label. Metrics are means over the problems.

    Attributes:
        true: (..., Q, K) images of each class.
        hits: (..., Q, K) of them, those predicted as that class.
        predicted: (..., Q, K) images predicted as each class.
        loss: (..., Q) summed negative log-likelihood.
        square: (..., Q) summed squared error of the probabilities.
    """

    true: Numbers
    hits: Numbers
    predicted: Numbers
    loss: Numbers
    square: Numbers


def parts(task: Task, truth: npt.NDArray[np.floating[Any]], scores: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """What each image adds to the sums.

    Args:
        task: "binary", "multiclass" or "multilabel".
        truth: (N, K), NaN for unknown labels, which add nothing.
        scores: (N, K) probabilities of one vector.

    Returns:
        shared: (N, Q, K), the same for every vector: `true`.
        own: (N, Q, 2K + 2): `hits`, `predicted`, `loss`, `square`.
    """
    score = scores.astype(np.float64)
    if task == "multilabel":
        known = ~np.isnan(truth)
        one_hot = np.stack([truth == 0, truth == 1], axis=-1).astype(np.float64)
        present = score >= 0.5
        chosen = np.stack([~present, present], axis=-1) * known[..., None]
        clipped = np.clip(score, CLIP, 1 - CLIP)
        loss = -np.where(truth == 1, np.log(clipped), np.log1p(-clipped)) * known
        square = np.where(known, score - np.nan_to_num(truth), 0.0) ** 2
    else:
        classes = truth.shape[1]
        one_hot = truth[:, None, :].astype(np.float64)
        chosen = np.eye(classes)[score.argmax(axis=1)][:, None, :]
        clipped = np.clip(score, CLIP, 1 - CLIP)
        clipped /= clipped.sum(axis=1, keepdims=True)
        loss = -(truth * np.log(clipped)).sum(axis=1, keepdims=True)
        # A binary task's Brier score is that of the positive class, as is usual; more classes are summed (Brier 1950).
        errors = (score - truth) ** 2
        square = errors[:, 1:] if classes == 2 else errors.sum(axis=1, keepdims=True)
    own = np.concatenate([one_hot * chosen, chosen, loss[..., None], square[..., None]], axis=-1)
    return one_hot, own


def join(shared: Numbers, own: Numbers) -> Sums:
    """Sums from the two arrays of `parts`, summed: (..., Q, K) and (..., Q, 2K + 2)."""
    classes = shared.shape[-1]
    return Sums(
        shared,
        own[..., :classes],
        own[..., classes : 2 * classes],
        own[..., 2 * classes],
        own[..., 2 * classes + 1],
    )
