"""Calibration of one score vector: intercept and slope of its recalibration, and a debiased calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.sums import CLIP

Floats = npt.NDArray[np.float64]

BINS = 15
STEPS = 100  # of Newton's method, at most
HALVINGS = 40  # of one step, at most
ROUNDING = 1e-13  # of a likelihood, relative
TOLERANCE = 1e-10  # of the score equations, as a share of the images

CONSTANT = "all scores are equal"
SEPARATED = "the scores separate the classes"
ONE_CLASS = "only one class is known"
STUCK = "Newton's method did not converge"


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A recalibration by maximum likelihood, or why there is none.

    Attributes:
        coefficients: (C,); NaN where no finite fit exists.
        contributions: (G, C) of the groups to first order; NaN likewise.
        why_not: empty where there is a fit.
    """

    coefficients: Floats
    contributions: Floats
    why_not: str = ""


def logistic(truth: Floats, probability: Floats, groups: npt.NDArray[np.intp], count: int) -> Fit:
    """Intercept and slope of the recalibration logit(y) = a + b logit(p) (Cox, Biometrika 1958); (0, 1) is perfect.

    It exists where the scores of the two classes overlap (Albert and Anderson, Biometrika 1984), and is then found
    however narrow their range is: the logits are centred and scaled, and a step that lowers the likelihood is halved.

    Args:
        truth: (N,) 1 or 0.
        probability: (N,) of a 1, in [0, 1], kept `CLIP` from its ends.
        groups: (N,) codes below `count`.
        count: G; a group may have none of these images.
    """
    from scipy.special import expit

    logit = _logit(probability)
    positive = truth > 0.5
    if positive.all() or not positive.any():
        return _none(2, count, ONE_CLASS)
    centre, spread = float(logit.mean()), float(logit.std())
    if np.ptp(logit) == 0 or spread == 0:
        return _none(2, count, CONSTANT)
    high, low = logit[positive], logit[~positive]
    if low.max() <= high.min() or high.max() <= low.min():
        return _none(2, count, SEPARATED)
    x = np.column_stack([np.ones(len(logit)), (logit - centre) / spread])
    rate = float(truth.mean())
    beta = np.array([np.log(rate / (1 - rate)), 0.0])
    reached = _likelihood(x @ beta, truth)
    for _ in range(STEPS):
        fitted = expit(x @ beta)
        gradient = x.T @ (truth - fitted)
        hessian = (x * (fitted * (1 - fitted))[:, None]).T @ x
        if np.abs(gradient).max() < TOLERANCE * len(truth):
            break
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        for _ in range(HALVINGS):
            likelihood = _likelihood(x @ (beta + step), truth)
            if likelihood >= reached - ROUNDING * abs(reached):
                break
            step = step / 2
        else:
            return _none(2, count, STUCK)
        beta, reached = beta + step, likelihood
    else:
        return _none(2, count, STUCK)
    # Back to the scale of the logits: a + b z with z = (logit - centre) / spread.
    back = np.array([[1.0, -centre / spread], [0.0, 1 / spread]])
    residual = x * (truth - fitted)[:, None]
    return Fit(back @ beta, _by_group(residual, groups, count) @ np.linalg.inv(hessian) @ back.T)


def in_the_large(truth: Floats, probability: Floats, groups: npt.NDArray[np.intp], count: int) -> Fit:
    """Calibration in the large: the intercept of the recalibration with the slope fixed at 1; 0 is perfect.

    It is how far the log odds must be moved for the mean probability to be the rate of positives; arguments as in
    `logistic`, one coefficient.
    """
    from scipy.optimize import brentq
    from scipy.special import expit

    logit = _logit(probability)
    if truth.min() == truth.max():
        return _none(1, count, ONE_CLASS)

    def missing(shift: float) -> float:
        return float((truth - expit(logit + shift)).sum())

    furthest = float(np.abs(logit).max()) + np.log(len(truth)) + 1
    intercept = float(brentq(missing, -furthest, furthest, xtol=1e-11))
    fitted = expit(logit + intercept)
    residual = (truth - fitted)[:, None]
    return Fit(np.array([intercept]), _by_group(residual, groups, count) / float((fitted * (1 - fitted)).sum()))


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


def _logit(probability: Floats) -> Floats:
    clipped = np.clip(probability.astype(np.float64), CLIP, 1 - CLIP)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _likelihood(linear: Floats, truth: Floats) -> float:
    """The log-likelihood of (N,) log odds."""
    return float(truth @ linear - (np.maximum(linear, 0) + np.log1p(np.exp(-np.abs(linear)))).sum())


def _by_group(values: Floats, groups: npt.NDArray[np.intp], count: int) -> Floats:
    """(N, C) summed to (G, C)."""
    return np.column_stack([np.bincount(groups, weights=column, minlength=count) for column in values.T])


def _none(coefficients: int, count: int, why: str) -> Fit:
    return Fit(np.full(coefficients, np.nan), np.full((count, coefficients), np.nan), why)
