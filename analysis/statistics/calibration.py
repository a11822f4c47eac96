"""Calibration of one score vector: intercept and slope of its recalibration, and a debiased calibration error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.sums import CLIP

Floats = npt.NDArray[np.float64]

BINS = 15
STEPS = 50  # of Newton's method


def logistic(truth: Floats, probability: Floats, groups: npt.NDArray[np.intp], count: int) -> tuple[Floats, Floats]:
    """Intercept and slope of the recalibration logit(y) = a + b logit(p) (Cox, Biometrika 1958); (0, 1) is perfect.

    Args:
        truth: (N,) 1 or 0.
        probability: (N,) of a 1, in [0, 1].
        groups: (N,) codes below `count`.
        count: G; a group may have none of these images.

    Returns:
        (2,) intercept and slope, and (G, 2) contributions of the groups to first order. Where the classes are
        separated, or every score is the same, no finite fit exists: NaN.
    """
    clipped = np.clip(probability.astype(np.float64), CLIP, 1 - CLIP)
    x = np.column_stack([np.ones(len(clipped)), np.log(clipped / (1 - clipped))])
    beta = np.array([0.0, 1.0])
    failed = np.full(2, np.nan), np.full((count, 2), np.nan)
    if np.ptp(x[:, 1]) == 0:
        return failed
    for _ in range(STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
        hessian = (x * (fitted * (1 - fitted))[:, None]).T @ x
        if np.linalg.cond(hessian) > 1e14:
            return failed
        step = np.linalg.solve(hessian, x.T @ (truth - fitted))
        # A long Newton step overshoots where the scores are far from calibrated.
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return failed
    residual = x * (truth - fitted)[:, None]
    sums = np.column_stack([np.bincount(groups, weights=residual[:, j], minlength=count) for j in range(2)])
    return beta, np.asarray(sums @ np.linalg.inv(hessian))


def calibration_error(truth: Floats, probability: Floats, bins: int = BINS) -> float:
    """Root mean squared calibration error in bins of equal size, debiased (Broecker, Climate Dynamics 2012).

    The plain error of a perfectly calibrated model is far above zero in small samples; here each bin's
    expected noise is taken off, and what is left below zero is zero.

    Args:
        truth: (N,) 1 or 0.
        probability: (N,) of a 1, in [0, 1].
        bins: fewer where the images would not suffice for two a bin.
    """
    order = np.argsort(probability, kind="stable")
    total = 0.0
    for part in np.array_split(order, min(bins, max(1, len(order) // 2))):
        rate, size = float(truth[part].mean()), len(part)
        noise = rate * (1 - rate) / (size - 1) if size > 1 else 0.0
        total += size / len(order) * ((rate - float(probability[part].mean())) ** 2 - noise)
    return float(np.sqrt(max(total, 0.0)))
