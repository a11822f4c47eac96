"""The metrics: what they are called, which way is better, and those that are functions of sums over images.

A *sum metric* is a smooth function of a few sums over images (a confusion table, a summed loss). Its
bootstrap is a matrix product, and its influence values come from one gradient. Ranking metrics are in `auc`
and `kernels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmark.results import Task

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]  # real, or complex while a gradient is taken

CLIP = 1e-7  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name and nature.

    Attributes:
        name: in tables.
        label: in sentences and figures.
        higher_is_better: its direction.
        kind: "auroc", "ranking" (through `kernels`) or "sums" (through this file).
        unit_interval: whether it lies in [0, 1], so that an arm's interval is formed on the logit scale.
    """

    name: str
    label: str
    higher_is_better: bool
    kind: Literal["auroc", "ranking", "sums"]
    unit_interval: bool


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auroc", "AUROC", True, "auroc", True),
        Metric("average_precision", "average precision", True, "ranking", True),
        Metric("balanced_accuracy", "balanced accuracy", True, "sums", True),
        Metric("mcc", "Matthews correlation", True, "sums", False),
        Metric("macro_f1", "macro F1", True, "sums", True),
        Metric("sensitivity_at_90_specificity", "sensitivity at 90% specificity", True, "ranking", True),
        Metric("log_loss", "log-loss", False, "sums", False),
        Metric("brier", "Brier score", False, "sums", False),
    )
}


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over images from which every sum metric follows; leading axes are free (images, resamples,
    vectors).

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


def parts(task: Task, truth: Floats, scores: npt.NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
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
        says = score >= 0.5
        chosen = np.stack([~says, says], axis=-1) * known[..., None]
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
        # A binary task's Brier score is that of the positive class, as is usual; more classes are summed
        # (Brier 1950).
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


def value(name: str, sums: Sums) -> Numbers:
    """A sum metric: the mean over problems, shape (...). Works on complex sums, for `influence`."""
    return np.asarray(_FORMULAS[name](sums).mean(axis=-1))


def _balanced_accuracy(sums: Sums) -> Numbers:
    return np.asarray((sums.hits / sums.true).mean(axis=-1))


def _macro_f1(sums: Sums) -> Numbers:
    """Mean F1 of the classes; of a label, the F1 of its presence would hide absent images, so both count."""
    return np.asarray((2 * sums.hits / (sums.true + sums.predicted)).mean(axis=-1))


def _mcc(sums: Sums) -> Numbers:
    """Gorodkin's R_K (Computational Biology and Chemistry 2004); 0 where only one class is predicted."""
    total = sums.true.sum(axis=-1)
    top = sums.hits.sum(axis=-1) * total - (sums.true * sums.predicted).sum(axis=-1)
    spread = (total**2 - (sums.predicted**2).sum(axis=-1)) * (total**2 - (sums.true**2).sum(axis=-1))
    flat = spread.real <= 0
    return np.asarray(np.where(flat, 0.0, top / np.sqrt(np.where(flat, 1.0, spread))))


def _log_loss(sums: Sums) -> Numbers:
    return np.asarray(sums.loss / sums.true.sum(axis=-1))


def _brier(sums: Sums) -> Numbers:
    return np.asarray(sums.square / sums.true.sum(axis=-1))


_FORMULAS: dict[str, Callable[[Sums], Numbers]] = {
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "mcc": _mcc,
    "log_loss": _log_loss,
    "brier": _brier,
}


def influence(name: str, shared: Floats, own: Floats) -> tuple[float, Floats]:
    """A sum metric and what each group contributes to it, to first order.

    Args:
        name: of a sum metric.
        shared: (G, Q, K) and
        own: (G, Q, 2K + 2), the `parts` summed within groups.

    Returns:
        The value, and (G,) contributions: the gradient of the metric at the total, times the group's sums.
        They add up to zero, and G/(G-1) times their sum of squares estimates the variance over new groups
        (the infinitesimal jackknife; Efron and Stein, Annals of Statistics 1981). The gradient is taken by
        complex steps, which are exact to rounding (Squire and Trapp, SIAM Review 1998).
    """
    each = np.concatenate([shared, own], axis=-1)
    split = shared.shape[-1]
    total = each.sum(axis=0)
    step = 1e-20
    bumps = np.eye(total.size).reshape(total.size, *total.shape) * (1j * step)
    moved = total + bumps
    gradient = value(name, join(moved[..., :split], moved[..., split:])).imag / step
    at = float(value(name, join(total[..., :split], total[..., split:])))
    return at, np.asarray(each.reshape(len(each), -1) @ gradient)
