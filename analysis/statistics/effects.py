"""Sizes of effects: standardised and ordinal differences of paired values, and Wilson's interval of a share."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import quantile

Floats = npt.NDArray[np.float64]


def hedges_g(values_a: Floats, values_b: Floats) -> float:
    """Hedges's g_av of paired values: the mean difference over the average SD, with the small-sample factor.

    The average SD is the root of the mean variance (Cumming, Understanding the New Statistics, 2012, chapter 11). The
    two variances are those of the same seeds, so that their mean has 2 (S-1) / (1 + r^2) degrees of freedom and not
    2 (S-1) (Bonett, Psychological Methods 2008), with r^2 adjusted for its own bias, 1 - (1 - r^2) (S-1) / (S-2). The
    factor is Hedges's exact one (Journal of Educational Statistics 1981), Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)).
    Its bias is at most 2% from 5 seeds on for r in [0, .9], and at most 10%, towards zero, with 3.

    Args:
        values_a, values_b: (S,) the metric of each seed, turned so that higher is better.

    Returns:
        g of B - A, positive where B is better; NaN below three seeds or without any variance.
    """
    seeds = len(values_a)
    if seeds < 3:
        return math.nan
    of_a, of_b = values_a.var(ddof=1), values_b.var(ddof=1)
    spread = math.sqrt((of_a + of_b) / 2)
    if spread == 0:
        return math.nan
    shared = float(np.cov(values_a, values_b)[0, 1]) ** 2 / (of_a * of_b) if of_a > 0 and of_b > 0 else 0.0
    adjusted = max(1 - (1 - shared) * (seeds - 1) / (seeds - 2), 0.0)
    factor = _small_sample_factor(2 * (seeds - 1) / (1 + adjusted))
    return float((values_b - values_a).mean() / spread * factor)


def _small_sample_factor(df: float) -> float:
    """Hedges's J for an SD with `df` > 1 degrees of freedom."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


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
