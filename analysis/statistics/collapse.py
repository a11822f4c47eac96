"""Training runs that failed: a holdout near chance, or far below the other seeds; and what is robust against them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import FEWEST_SEEDS, quantile

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

OUTLYING = 5.0  # robust SDs below the median
MAD_TO_SD = 1.4826  # of a normal distribution


def near_chance(aurocs: Floats, errors: Floats, level: float = 0.95) -> Booleans:
    """Which of the (S,) AUROCs cannot be told from .5: the one-sided bound for new patients includes it.

    Args:
        aurocs: (S,), macro where there are several classes.
        errors: (S,) standard errors over patients (DeLong), the trained models held fixed.
        level: of the bound.
    """
    return np.asarray(aurocs - quantile(level, math.inf) * errors <= 0.5)


def far_below(values: Floats, floor: float) -> Booleans:
    """Which of the (S,) seeds lie far below the others: by more than 5 robust SDs below the median.

    The robust SD is 1.4826 times the median absolute deviation (Iglewicz and Hoaglin 1993). Of few seeds it is small by
    chance, and a floor stands in for it: what the patients and rounding make of equally good models.

    Args:
        values: (S,) the metric of each seed, turned so that higher is better.
        floor: least robust SD, in the metric's units.

    Returns:
        (S,); none below three seeds.
    """
    if len(values) < FEWEST_SEEDS:
        return np.zeros(len(values), dtype=np.bool_)
    below = np.median(values) - values
    spread = MAD_TO_SD * float(np.median(np.abs(below)))
    return np.asarray(below > OUTLYING * max(spread, floor))


def median_interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The interval of the median over new seeds from order statistics, whatever the distribution; these patients.

    It is the exact sign test's (Conover, Practical Nonparametric Statistics, 1999, section 3.2), conservative; NaN
    where (S,) seeds are too few for the level: below 6 for 95%.
    """
    from scipy.stats import binom

    ordered = np.sort(values)
    reach = int(binom.ppf((1 - level) / 2, len(ordered), 0.5))  # as many may lie outside on either side
    if binom.cdf(reach, len(ordered), 0.5) > (1 - level) / 2:
        reach -= 1
    if reach < 0:
        return math.nan, math.nan
    return float(ordered[reach]), float(ordered[-1 - reach])


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share (Biometrika 1934; Newcombe, Statistics in Medicine 1998, method 5)."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.isf(tail, successes + 1, trials - successes))
    return low, high
