"""Sizes of effects: standardised and ordinal differences of paired values, and Wilson's interval of a share."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import quantile

Floats = npt.NDArray[np.float64]


def hedges_g(values_a: Floats, values_b: Floats) -> float:
    """Hedges's g_av of paired values: the mean difference over the average SD, with the small-sample factor.

    The average SD is the root of the mean variance (Cumming, Understanding the New Statistics, 2012, chapter 11); the
    factor is 1 - 3 / (8 S - 9).

    Args:
        values_a, values_b: (S,) the metric of each seed.

    Returns:
        g of B - A; NaN below two seeds or without any variance.
    """
    seeds = len(values_a)
    if seeds < 2:
        return math.nan
    spread = math.sqrt((values_a.var(ddof=1) + values_b.var(ddof=1)) / 2)
    if spread == 0:
        return math.nan
    return float((values_b - values_a).mean() / spread * (1 - 3 / (8 * seeds - 9)))


def superior_share(values_a: Floats, values_b: Floats) -> float:
    """The share of (S,) seeds in which B beats A on the same sample, ties one half: an estimate of P(B > A)."""
    difference = values_b - values_a
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def superior_interval(values_a: Floats, values_b: Floats, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of `superior_share`, with every one of the (S,) seeds a trial."""
    return wilson(superior_share(values_a, values_b) * len(values_a), len(values_a), level)


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (JASA 1927; Newcombe, Statistics in Medicine 1998, method 3)."""
    z2 = quantile(0.5 + level / 2, math.inf) ** 2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def cliffs_delta(values_a: Floats, values_b: Floats) -> float:
    """P(b > a) - P(b < a) over all pairs of (S,) seeds, in [-1, 1] (Cliff, Psychological Bulletin 1993)."""
    return float(np.sign(values_b[:, None] - values_a[None, :]).mean())
