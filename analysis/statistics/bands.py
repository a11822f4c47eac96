"""Simultaneous bands: the pointwise level at which a whole curve is covered."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
DRAWS = 5_000
NEGLIGIBLE = 1e-9  # share of the variance in a direction, below which it is left out of the draws


def simultaneous_level(covariance: Floats, rng: np.random.Generator, alpha: float = ALPHA) -> float:
    """The two-sided level of every point at which the largest of T normal deviates is beyond its bound with `alpha`.

    The max-t band (Montiel Olea and Plagborg-Moller, Journal of Applied Econometrics 2019) with its quantile given as a
    level: where the deviates are not normal but have a critical value of their own, it is taken at this level.

    Args:
        covariance: (T, T) of the T points of a curve, without a point of no variance.
        rng: of the draws.
        alpha: of the whole curve.

    Returns:
        In [alpha / T, alpha]: alpha where all points move as one, towards alpha / T where they are independent.
    """
    from scipy.special import ndtr

    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = values > NEGLIGIBLE * len(values)
    roots = vectors[:, kept] * np.sqrt(values[kept])
    largest = np.abs(rng.standard_normal((DRAWS, int(kept.sum()))) @ roots.T).max(axis=1)
    level = 2 * float(ndtr(-np.quantile(largest, 1 - alpha)))
    return min(max(level, alpha / len(scale)), alpha)


def joint_covariance(values: Floats, patients: Floats, seed_parts: Floats, patient_parts: Floats) -> Floats:
    """(T, T) covariance of the points of a mean curve over seeds and patients, whose variances are known already.

    Args:
        values: (S, T) the curve of every seed.
        patients: (G, T) contributions of the groups to the mean curve.
        seed_parts, patient_parts: (T,) what seeds and patients add to the variance of every point.

    Returns:
        The correlation over the seeds and that over the patients, each scaled to its parts, added: so its diagonal is
        the sum of the parts.
    """
    total = np.zeros((values.shape[1], values.shape[1]))
    for deviations, variances in ((values - values.mean(axis=0), seed_parts), (patients, patient_parts)):
        norms = np.sqrt((deviations**2).sum(axis=0))
        scaled = deviations / np.where(norms > 0, norms, 1) * np.sqrt(variances)
        total += scaled.T @ scaled
    # Where one part has a variance but nothing that moves, it is taken to move by itself.
    np.fill_diagonal(total, seed_parts + patient_parts)
    return total


def deciding(contributions: Floats) -> Floats:
    """(T,) the number of groups that a point's variance rests on, from (G, T) contributions; 0 where nothing varies.

    (sum c^2)^2 / sum c^4, which is k where k of many groups have contributions of one size and the others none.
    """
    squares = contributions**2
    fourth = (squares**2).sum(axis=0)
    return np.asarray(squares.sum(axis=0) ** 2 / np.where(fourth > 0, fourth, math.inf))
