"""AUROC of many score vectors at once, with their covariance over patients.

The nonparametric covariance of DeLong, DeLong and Clarke-Pearson (Biometrics 1988), by midranks (Sun and Xu,
IEEE Signal Processing Letters 2014), generalised to several images a patient by Obuchowski (Biometrics 1997).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.statistics.groups import group_count
from analysis.statistics.inference import Inference

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """The AUROCs of M score vectors, and the placement values of the images that make them, summed within G groups.

    The placement value of a positive, V10, is the share of negatives that it is ranked above; that of a negative, V01,
    the share of positives that it is ranked below. The mean of either is the AUROC.

    Attributes:
        auc: (M,) in [0, 1].
        positives: (M, G) sums over a group's positives of V10 - AUC, divided by the number of positives.
        negatives: (M, G) sums over its negatives of V01 - AUC, divided by the number of negatives.
        has_positives, has_negatives: (G,) which groups have any.
    """

    auc: Floats
    positives: Floats
    negatives: Floats
    has_positives: npt.NDArray[np.bool_]
    has_negatives: npt.NDArray[np.bool_]

    def averaged(self, repeats: int) -> Placements:
        """Means over each run of `repeats` consecutive vectors: (M, ...) to (M / repeats, ...)."""

        def mean(values: Floats) -> Floats:
            return np.asarray(values.reshape(-1, repeats, *values.shape[1:]).mean(axis=1))

        return Placements(
            mean(self.auc),
            mean(self.positives),
            mean(self.negatives),
            self.has_positives,
            self.has_negatives,
        )


def stack(pieces: Sequence[Placements]) -> Placements:
    """Placements of all pieces' vectors, of the same images: (M1, ...), (M2, ...), ... to (M1 + M2 + ..., ...)."""
    return Placements(
        np.concatenate([piece.auc for piece in pieces]),
        np.concatenate([piece.positives for piece in pieces]),
        np.concatenate([piece.negatives for piece in pieces]),
        pieces[0].has_positives,
        pieces[0].has_negatives,
    )


def placements(truth: Floats, scores: npt.NDArray[np.floating[Any]], groups: npt.NDArray[np.intp]) -> Placements:
    """AUROCs of one class or label, and their placement values by group.

    Args:
        truth: (N,) 1 positive, 0 negative, NaN unknown (left out).
        scores: (M, N), higher for more likely positive; only their order matters, ties count one half.
        groups: (N,) codes 0..G-1; a group may have positives and negatives.

    Raises:
        ValueError: no positive or no negative, or a NaN score.
    """
    from scipy.stats import rankdata

    known = ~np.isnan(truth)
    positive, negative = known & (truth > 0.5), known & (truth < 0.5)
    m, n = int(positive.sum()), int(negative.sum())
    if m == 0 or n == 0:
        raise ValueError(f"AUROC needs positives and negatives: there are {m} and {n}")
    scores = np.atleast_2d(scores)
    high, low = scores[:, positive], scores[:, negative]
    if np.isnan(high).any() or np.isnan(low).any():
        raise ValueError("a score is NaN")
    ranks = rankdata(np.concatenate([high, low], axis=1), axis=1)
    v10 = (ranks[:, :m] - rankdata(high, axis=1)) / n
    v01 = 1 - (ranks[:, m:] - rankdata(low, axis=1)) / m
    auc = v10.mean(axis=1)
    count = group_count(groups)
    return Placements(
        auc,
        _by_group((v10 - auc[:, None]) / m, groups[positive], count),
        _by_group((v01 - auc[:, None]) / n, groups[negative], count),
        np.bincount(groups[positive], minlength=count) > 0,
        np.bincount(groups[negative], minlength=count) > 0,
    )


def covariance(parts: Placements) -> Floats:
    """(M, M) covariance of the AUROCs over a new sample of groups (Obuchowski 1997, equations 3 and 4).

    Equals DeLong's where every group has one image. A kind of image that only one group has adds nothing, as
    its variance cannot be estimated.
    """
    a, b = parts.positives, parts.negatives
    cross = _factor(parts.has_positives | parts.has_negatives) * (a @ b.T)
    return np.asarray(
        _factor(parts.has_positives) * (a @ a.T) + _factor(parts.has_negatives) * (b @ b.T) + cross + cross.T
    )


def macro(parts: Sequence[Placements]) -> tuple[Floats, Floats]:
    """Unweighted mean over classes or labels: (M,) AUROCs and their (M, M) covariance.

    A patient's contributions to different classes are added before they are squared, so that the covariance
    between classes is kept; standard errors are not averaged. With one class it is `covariance`.

    Args:
        parts: placements of the same M vectors and G groups, one a class or label.
    """
    auc = np.mean([part.auc for part in parts], axis=0)
    factor = _factor(_any(parts))
    sums = [part.positives + part.negatives for part in parts]
    total = np.sum(sums, axis=0)
    between = factor * (total @ total.T)
    for part, own in zip(parts, sums, strict=True):
        between += covariance(part) - factor * (own @ own.T)
    return auc, between / len(parts) ** 2


def macro_auc(truth: Floats, scores: Floats, groups: npt.NDArray[np.intp], repeats: int = 1) -> tuple[Floats, Floats]:
    """Macro AUROC of M / repeats models.

    Args:
        truth: (N, K), NaN for unknown labels.
        scores: (M, N, K).
        groups: (N,) codes 0..G-1.
        repeats: consecutive vectors that are refits of one model, averaged first.

    Returns:
        (M / repeats,) AUROCs and their (M / repeats, M / repeats) covariance over a new sample of groups.
    """
    parts = [placements(truth[:, k], scores[:, :, k], groups).averaged(repeats) for k in range(truth.shape[1])]
    return macro(parts)


@dataclass(frozen=True, slots=True)
class Cases:
    """What a mean AUROC over K classes or labels, and over seeds, is made from.

    Attributes:
        areas: (K,) AUROCs, means over the seeds.
        positives, negatives: (K,) numbers of patients that have any of either.
        kept: share of a single seed's patient variance that the mean over infinitely many seeds keeps, in [0, 1].
        joined: variance of the mean over classes, over what it would be were they independent, in [1, K].
    """

    areas: Floats
    positives: npt.NDArray[np.intp]
    negatives: npt.NDArray[np.intp]
    kept: float = 1.0
    joined: float = 1.0

    def variance(self, theta: float) -> float:
        """Newcombe's variance over patients where the mean is theta: the classes are moved there together."""
        mean = float(self.areas.mean())
        if theta <= mean:
            moved = self.areas * (theta / mean) if mean > 0 else np.zeros_like(self.areas)
        else:
            moved = 1 - (1 - self.areas) * ((1 - theta) / (1 - mean))
        of_classes = newcombe_variance(moved, self.positives, self.negatives)
        return self.kept * self.joined * float(of_classes.sum()) / len(self.areas) ** 2


def newcombe_joint(mean: Inference, cases: Cases, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's method 5 (Statistics in Medicine 2006) for a mean AUROC over seeds: defined for an AUROC of 1 too.

    All theta with (mean - theta)^2 <= c^2 (patients' variance at theta + seeds' variance). The patients' variance is
    Newcombe's, of the share that the mean over seeds keeps; what DeLong's method estimates from a few positives, far
    too little near 1, does not enter. c is the calibrated critical value at the share that the seeds have at theta.
    With one class and no variance between seeds it is method 5 itself.

    Args:
        mean: of the AUROC over seeds, estimate in [0, 1].
        cases: patients of each class.
        level: of confidence.

    Returns:
        Both ends, in [0, 1].
    """
    from scipy.optimize import brentq

    estimate = mean.estimate

    def excess(theta: float) -> float:
        total = cases.variance(theta) + mean.seed_part
        wide = replace(mean, se=math.sqrt(total)).critical(1 - level)
        return (estimate - theta) ** 2 - wide**2 * total

    tiny = 1e-12
    low = 0.0 if estimate <= tiny or excess(tiny) <= 0 else float(brentq(excess, tiny, estimate - tiny, xtol=1e-14))
    top = estimate >= 1 - tiny or excess(1 - tiny) <= 0
    high = 1.0 if top else float(brentq(excess, estimate + tiny, 1 - tiny, xtol=1e-14))
    return low, high


def newcombe_variance(theta: Floats, positives: npt.NDArray[np.intp], negatives: npt.NDArray[np.intp]) -> Floats:
    """Hanley and McNeil's variance with both sample sizes replaced by their mean (Newcombe 2006, method 5): (K,)."""
    extra = (positives + negatives) / 2 - 1
    inner = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return np.asarray(theta * (1 - theta) * inner / (positives * negatives))


def _by_group(values: Floats, groups: npt.NDArray[np.intp], count: int) -> Floats:
    """(M, n) values summed into (M, count) groups."""
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    sums = np.zeros((len(values), count))
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


def _factor(groups: npt.NDArray[np.bool_]) -> float:
    """I / (I - 1) of the I groups marked in a (G,) mask, the small-sample factor; 0 where there is one group."""
    count = int(groups.sum())
    return count / (count - 1) if count > 1 else 0.0


def _any(parts: Sequence[Placements]) -> npt.NDArray[np.bool_]:
    """(G,) which groups have an image of any class or label."""
    present = np.zeros_like(parts[0].has_positives)
    for part in parts:
        present |= part.has_positives | part.has_negatives
    return present
