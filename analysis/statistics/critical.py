"""The calibrated critical value of the joint test: of the size that is asked for, whatever the seeds' share of V is.

The mean of S differences over the square root of its estimated variance V = s2 / S + Cov follows neither the normal
nor Student's distribution: only the seeds' part of V is estimated from S values. Hillis's degrees of freedom,
(S - 1) / w^2 for a seeds' share w of V, reject too often with few seeds (size .078 for S = 3 at alpha = .05), since w
is small by chance just where V is. Here the critical value is a monotone function c(w), fitted so that the size is
alpha for every true share, in the way of Welch and Aspin (Biometrika 1949) and Trickett and Welch (Biometrika 1954):
for a true share omega and q ~ chi2_{S-1} / (S-1), the estimated variance is V = omega q + 1 - omega times the true one,
w = omega q / V, and the size is E[2 Phi(-c(w) sqrt V)]. Cov is taken as known.

Many functions c do; for few seeds and a small alpha none that is monotone does everywhere, and the size is below alpha
where the seeds' share is small.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_SEEDS = 50  # with more, Hillis's degrees of freedom have the size that is asked for
#: Two-sided levels that c is fitted at; between them it is linear in the normal quantile, which errs above.
LEVELS = (
    0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025, 0.017, 0.012, 0.008, 0.0055, 0.0038,
    0.0026, 0.0018, 0.0012, 0.0008, 0.0005, 0.00032, 0.0002, 0.0001,
)  # fmt: skip

KNOTS = np.unique(np.concatenate([np.linspace(0, 0.9, 24), 1 - np.geomspace(0.1, 0.001, 12), [1.0]]))
SHARES = np.unique(np.concatenate([np.linspace(0, 0.9, 30), 1 - np.geomspace(0.1, 0.001, 24), [1.0]]))
NODES = 300  # of the quadrature over what the variance between seeds can turn out to be
ITERATIONS = 60  # at most, of the fit
TOLERANCE = 1e-3  # of its last step, relative to Student's quantile
DAMPING = 0.5  # share of a step that is taken
OVER = 30.0  # how much heavier a size above alpha weighs than one below
ROUGHNESS = 1e-3  # weight of c's second differences: the sizes alone leave its finest shape open


def critical(shares: npt.ArrayLike, seeds: int, alpha: float) -> Floats:
    """The critical values of |D| / sqrt(V) at two-sided `alpha`.

    Args:
        shares: (...) estimated shares of the seeds in V, in [0, 1].
        seeds: S >= 2.
        alpha: in (0, 1).

    Returns:
        (...) from the normal quantile at a share of 0 to that of Student's t with S - 1 degrees of freedom at 1.
    """
    from scipy.special import ndtri
    from scipy.stats import t

    shares = np.asarray(shares, dtype=np.float64)
    normal = -float(ndtri(alpha / 2))
    if seeds > MOST_SEEDS:
        return np.where(shares == 0, normal, t.isf(alpha / 2, (seeds - 1) / np.maximum(shares, 1e-9) ** 2))
    levels, curves, student = _levels(), _curves(seeds), _student(seeds, alpha)
    if normal > levels[-1]:
        values = _at(curves[-1], shares) * (student / _student(seeds, LEVELS[-1]))
    else:
        upper = max(int(np.searchsorted(levels, normal)), 1)
        part = (normal - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        values = _at((1 - part) * curves[upper - 1] + part * curves[upper], shares)
    return np.where(shares == 0, normal, np.where(shares == 1, student, values))


def p_value(statistic: float, share: float, seeds: int) -> float:
    """The two-sided p-value of D / sqrt(V): the level at which `critical` is its absolute value.

    Below the smallest of `LEVELS` the tail is that of Student's t with S - 1 degrees of freedom, scaled to be
    continuous there, and so heavier than it need be.

    Args:
        statistic: D / sqrt(V), of any sign.
        share: estimated share of the seeds in V, in [0, 1].
        seeds: S >= 2.
    """
    from scipy.special import ndtr
    from scipy.stats import t

    statistic = abs(statistic)
    if share == 0:
        return float(2 * ndtr(-statistic))
    if seeds > MOST_SEEDS or share == 1:
        return float(2 * t.sf(statistic, (seeds - 1) / share**2))
    curves = _curves(seeds)
    knot = min(int(np.searchsorted(KNOTS, share, side="right")), len(KNOTS) - 1)
    weight = (share - KNOTS[knot - 1]) / (KNOTS[knot] - KNOTS[knot - 1])
    values = (1 - weight) * curves[:, knot - 1] + weight * curves[:, knot]
    if statistic > values[-1]:
        return float(2 * t.sf(statistic / values[-1] * _student(seeds, LEVELS[-1]), seeds - 1))
    upper = max(int(np.searchsorted(values, statistic)), 1)
    part = (statistic - values[upper - 1]) / max(values[upper] - values[upper - 1], 1e-300)
    levels = _levels()
    return float(2 * ndtr(-levels[upper - 1] - part * (levels[upper] - levels[upper - 1])))


@cache
def chi_squared(degrees: int) -> tuple[Floats, Floats]:
    """Quadrature for means over q ~ chi2_df / df: (`NODES`,) values of q and weights that sum to 1."""
    from scipy.stats import chi2

    low, high = math.log(chi2.ppf(1e-13, degrees) / degrees), math.log(chi2.isf(1e-15, degrees) / degrees)
    x, weights = np.polynomial.legendre.leggauss(NODES)
    q = np.exp((high - low) / 2 * x + (low + high) / 2)
    weights = weights * chi2.pdf(q * degrees, degrees) * q
    return q, weights / weights.sum()


@cache
def _levels() -> Floats:
    """(1 + L,) normal quantiles of alpha = 1 and of `LEVELS`, increasing from 0."""
    from scipy.stats import norm

    return np.concatenate([[0.0], norm.isf(np.array(LEVELS) / 2)])


@lru_cache(maxsize=1024)
def _student(seeds: int, alpha: float) -> float:
    """Student's quantile at two-sided `alpha`."""
    from scipy.stats import t

    return float(t.isf(alpha / 2, seeds - 1))


@cache
def _curves(seeds: int) -> Floats:
    """(1 + L, K) c at `KNOTS` for alpha = 1 and for `LEVELS`, nowhere smaller for a smaller alpha."""
    fits = [_fit(_setup(seeds - 1), alpha) for alpha in LEVELS]
    return np.asarray(np.maximum.accumulate([np.zeros(len(KNOTS)), *fits], axis=0))


def _at(curve: Floats, shares: npt.ArrayLike) -> Floats:
    return np.asarray(np.interp(np.asarray(shares, dtype=np.float64), KNOTS, curve))


class _Setup:
    """What the size depends on, for M true shares and N values of q.

    Attributes:
        degrees: S - 1.
        weights: (N,) of the quadrature.
        root: (M, N) square root of the estimated variance over the true one.
        knot, part: (M, N) the knot below the estimated share, and how far the share is to the next.
    """

    def __init__(self, degrees: int) -> None:
        q, self.weights = chi_squared(degrees)
        variance = SHARES[:, None] * q + (1 - SHARES[:, None])
        shares = SHARES[:, None] * q / variance
        self.degrees = degrees
        self.root = np.sqrt(variance)
        self.knot = np.clip(np.searchsorted(KNOTS, shares, side="right") - 1, 0, len(KNOTS) - 2)
        self.part = np.clip((shares - KNOTS[self.knot]) / np.diff(KNOTS)[self.knot], 0, 1)

    def sizes(self, curve: Floats) -> tuple[Floats, Floats]:
        """(M,) sizes of c, and their (M, K) derivatives by c at the knots."""
        from scipy.special import ndtr

        bounds = self.root * (curve[self.knot] * (1 - self.part) + curve[self.knot + 1] * self.part)
        slopes = -2 / math.sqrt(2 * math.pi) * np.exp(-(bounds**2) / 2) * self.root * self.weights
        places = self.knot + len(KNOTS) * np.arange(len(SHARES))[:, None]
        derivative = sum(
            np.bincount((places + side).ravel(), (slopes * share).ravel(), SHARES.size * KNOTS.size)
            for side, share in ((0, 1 - self.part), (1, self.part))
        )
        return 2 * ndtr(-bounds) @ self.weights, np.reshape(derivative, (len(SHARES), len(KNOTS)))


@cache
def _setup(degrees: int) -> _Setup:
    return _Setup(degrees)


def _fit(setup: _Setup, alpha: float) -> Floats:
    """(K,) c at `KNOTS`: repeated least squares on its increments, none of which may be negative."""
    from scipy.optimize import nnls
    from scipy.stats import norm, t

    count = len(KNOTS)
    start = float(norm.isf(alpha / 2))
    student = float(t.isf(alpha / 2, setup.degrees))
    cumulate = np.tril(np.ones((count, count)))[:, 1:]  # increments to c - c(0)
    smooth = ROUGHNESS / (student - start) * _second_differences() @ cumulate
    curve = np.append(start, t.isf(alpha / 2, setup.degrees / KNOTS[1:] ** 2))
    for _ in range(ITERATIONS):
        sizes, derivative = setup.sizes(curve)
        weight = np.where(sizes > alpha, OVER, 1.0) / alpha
        target = weight * (alpha - sizes + derivative @ (curve - start))
        increments, _ = nnls(
            np.vstack([weight[:, None] * (derivative @ cumulate), smooth]), np.append(target, np.zeros(count - 2))
        )
        step = start + cumulate @ increments - curve
        curve = curve + DAMPING * step
        if np.abs(step).max() < TOLERANCE * student:
            break
    curve[-1] = max(student, curve[-1])
    return np.asarray(curve)


def _second_differences() -> Floats:
    """(K - 2, K) how far c bends at the inner knots, whose distances differ."""
    rows = np.zeros((len(KNOTS) - 2, len(KNOTS)))
    for i, (left, right) in enumerate(zip(np.diff(KNOTS)[:-1], np.diff(KNOTS)[1:], strict=True)):
        rows[i, i : i + 3] = np.array([1 / left, -1 / left - 1 / right, 1 / right]) * (left + right) / 2
    return rows
