"""AUROC of many score vectors at once, with their covariance over patients.

The nonparametric covariance of DeLong, DeLong and Clarke-Pearson (Biometrics 1988), by midranks (Sun and Xu,
IEEE Signal Processing Letters 2014), generalised to several images a patient by Obuchowski (Biometrics 1997).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import Inference, quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """What the AUROCs of M score vectors owe to each of I groups.

    Attributes:
        auc: (M,) in [0, 1].
        positives: (M, I) sums over a group's positives of V10 - AUC, divided by the number of positives.
        negatives: (M, I) sums over its negatives of V01 - AUC, divided by the number of negatives.
        has_positives, has_negatives: (I,) which groups have any.
    """

    auc: Floats
    positives: Floats
    negatives: Floats
    has_positives: npt.NDArray[np.bool_]
    has_negatives: npt.NDArray[np.bool_]

    def averaged(self, repeats: int) -> Components:
        """Means over each run of `repeats` vectors: (M, ...) to (M / repeats, ...)."""

        def mean(values: Floats) -> Floats:
            return np.asarray(values.reshape(-1, repeats, *values.shape[1:]).mean(axis=1))

        return Components(
            mean(self.auc),
            mean(self.positives),
            mean(self.negatives),
            self.has_positives,
            self.has_negatives,
        )


def stack(pieces: Sequence[Components]) -> Components:
    """Components of the vectors of all pieces, which share images and groups."""
    return Components(
        np.concatenate([piece.auc for piece in pieces]),
        np.concatenate([piece.positives for piece in pieces]),
        np.concatenate([piece.negatives for piece in pieces]),
        pieces[0].has_positives,
        pieces[0].has_negatives,
    )


def components(truth: Floats, scores: npt.NDArray[np.floating[Any]], groups: npt.NDArray[np.intp]) -> Components:
    """AUROCs and their components.

    Args:
        truth: (N,) 1 positive, 0 negative, NaN unknown (left out).
        scores: (M, N), higher for more likely positive; only their order matters, ties count one half.
        groups: (N,) codes 0..I-1; a group may have positives and negatives.

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
    count = int(groups.max()) + 1
    return Components(
        auc,
        _by_group((v10 - auc[:, None]) / m, groups[positive], count),
        _by_group((v01 - auc[:, None]) / n, groups[negative], count),
        np.bincount(groups[positive], minlength=count) > 0,
        np.bincount(groups[negative], minlength=count) > 0,
    )


def covariance(parts: Components) -> Floats:
    """(M, M) covariance of the AUROCs over a new sample of groups (Obuchowski 1997, equations 3 and 4).

    Equals DeLong's where every group has one image. A kind of image that only one group has adds nothing, as
    its variance cannot be estimated.
    """
    a, b = parts.positives, parts.negatives
    cross = _factor(parts.has_positives | parts.has_negatives) * (a @ b.T)
    return np.asarray(
        _factor(parts.has_positives) * (a @ a.T) + _factor(parts.has_negatives) * (b @ b.T) + cross + cross.T
    )


def macro(parts: Sequence[Components]) -> tuple[Floats, Floats]:
    """Unweighted mean over classes or labels: (M,) AUROCs and their (M, M) covariance.

    A patient's contributions to different classes are added before they are squared, so that the covariance
    between classes is kept; standard errors are not averaged. With one class it is `covariance`.
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
        groups: (N,) codes.
        repeats: consecutive vectors that are refits of one model, averaged first.

    Returns:
        (M / repeats,) AUROCs and their covariance.
    """
    parts = [components(truth[:, k], scores[:, :, k], groups).averaged(repeats) for k in range(truth.shape[1])]
    return macro(parts)


def newcombe(auc: float, positives: int, negatives: int, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's method 5 (Statistics in Medicine 2006): a score-like interval, defined for AUROC = 1 too.

    Args:
        auc: in [0, 1].
        positives, negatives: cases.
        level: of confidence.
    """
    return _score_interval(auc, quantile(0.5 + level / 2, math.inf), positives, negatives, 1.0, 0.0)


def newcombe_joint(found: Inference, positives: int, negatives: int, level: float = 0.95) -> tuple[float, float]:
    """Method 5 for a mean over seeds: the patients' variance is Newcombe's, at the bound, and the seeds' is
    added.

    Where patients have several images or seeds are not of one mind, the patients' part is scaled as it was
    found in relation to Newcombe's at the estimate. With one seed and one image a patient it is close to
    `newcombe`, and equal to it for AUROC = 1.
    """
    at = _newcombe_variance(found.estimate, positives, negatives)
    scale = found.patient_part / at if at > 0 and found.patient_part > 0 else 1.0
    z = quantile(0.5 + level / 2, found.df)
    return _score_interval(found.estimate, z, positives, negatives, scale, found.seed_part)


def _newcombe_variance(theta: float, positives: int, negatives: int) -> float:
    extra = (positives + negatives) / 2 - 1
    inner = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) * inner / (positives * negatives)


def _score_interval(
    auc: float, z: float, positives: int, negatives: int, scale: float, added: float
) -> tuple[float, float]:
    """All theta with (auc - theta)^2 <= z^2 (scale * variance(theta) + added), within [0, 1]."""
    from scipy.optimize import brentq

    def excess(theta: float) -> float:
        spread = scale * _newcombe_variance(theta, positives, negatives) + added
        return float((auc - theta) ** 2 - z**2 * spread)

    tiny = 1e-12
    low = 0.0 if auc <= tiny or excess(tiny) <= 0 else float(brentq(excess, tiny, auc - tiny, xtol=1e-14))
    high = 1.0 if auc >= 1 - tiny or excess(1 - tiny) <= 0 else float(brentq(excess, auc + tiny, 1 - tiny, xtol=1e-14))
    return low, high


def _by_group(values: Floats, groups: npt.NDArray[np.intp], count: int) -> Floats:
    """(M, n) values summed into (M, count) groups."""
    order = np.argsort(groups, kind="stable")
    found, starts = np.unique(groups[order], return_index=True)
    sums = np.zeros((len(values), count))
    sums[:, found] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


def _factor(groups: npt.NDArray[np.bool_]) -> float:
    """I / (I - 1), the small-sample factor; 0 where there is one group."""
    count = int(groups.sum())
    return count / (count - 1) if count > 1 else 0.0


def _any(parts: Sequence[Components]) -> npt.NDArray[np.bool_]:
    found = np.zeros_like(parts[0].has_positives)
    for part in parts:
        found |= part.has_positives | part.has_negatives
    return found
