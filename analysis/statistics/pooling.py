"""One difference over several data sets: a random-effects mean, and what to expect of another data set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import quantile

Floats = npt.NDArray[np.float64]

DRAWS = 10_000
FEWEST = 3  # data sets, below which the spread between them cannot be judged


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A random-effects model of K differences.

    Attributes:
        mean: over the population of data sets.
        se: its standard error, by Hartung, Knapp, Sidik and Jonkman (Statistics in Medicine 2001; 2002).
        low, high: its interval, Student's t with K - 1 degrees of freedom.
        tau: SD of the true differences between data sets (Paule and Mandel 1982), at least 0.
        new_low, new_high: prediction interval of the true difference on a new data set (Nagashima, Noma and Furukawa,
            Statistical Methods in Medical Research 2019), which does not take tau as known.
        shrunken: (K,) each data set's own difference, drawn towards the mean by its unreliability (empirical Bayes).
        shrunken_se: (K,) their standard errors, the mean and tau taken as known.
    """

    mean: float
    se: float
    low: float
    high: float
    tau: float
    new_low: float
    new_high: float
    shrunken: Floats
    shrunken_se: Floats


def pool(
    differences: Floats, variances: Floats, rng: np.random.Generator, level: float = 0.95, draws: int = DRAWS
) -> Pooled:
    """Pool the differences of two arms over data sets.

    Args:
        differences: (K,) one a data set, K >= 3.
        variances: (K,) of them, positive.
        rng: of the prediction interval's draws.
        level: of both intervals.
        draws: for the prediction interval.

    Raises:
        ValueError: fewer than three data sets, or a variance that is not positive.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    count = len(differences)
    if count < FEWEST:
        raise ValueError(f"{count} data sets do not tell the spread between data sets: at least {FEWEST}")
    if not (variances > 0).all():
        raise ValueError("every difference needs a positive variance")
    model = combine_effects(differences, variances, method_re="iterated", use_t=True, alpha=1 - level)
    mean, tau2 = float(model.mean_effect_re), max(float(model.tau2), 0.0)
    se = float(model.sd_eff_w_re_hksj)
    half = quantile(0.5 + level / 2, count - 1) * se
    new_low, new_high = np.quantile(_new(differences, variances, rng, draws), [0.5 - level / 2, 0.5 + level / 2])
    weight = tau2 / (tau2 + variances)
    return Pooled(
        mean=mean,
        se=se,
        low=mean - half,
        high=mean + half,
        tau=math.sqrt(tau2),
        new_low=float(new_low),
        new_high=float(new_high),
        shrunken=mean + weight * (differences - mean),
        shrunken_se=np.sqrt(weight * variances),
    )


def _new(differences: Floats, variances: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """(draws,) true differences on a new data set, tau^2 drawn from its confidence distribution."""
    count = len(differences)
    tau2 = _tau2_at(differences, variances, rng.chisquare(count - 1, draws))
    weights = 1 / (variances + tau2[:, None])
    total = weights.sum(axis=1)
    mean = weights @ differences / total
    residual = (weights * (differences - mean[:, None]) ** 2).sum(axis=1)
    se = np.sqrt(residual / ((count - 1) * total))
    return np.asarray(mean + rng.standard_normal(draws) * np.sqrt(tau2) - rng.standard_t(count - 1, draws) * se)


def _tau2_at(differences: Floats, variances: Floats, heterogeneity: Floats) -> Floats:
    """(B,) tau^2 at which Cochran's Q is as large as each of (B,) values; 0 where it never is. By bisection."""

    def q(tau2: Floats) -> Floats:
        weights = 1 / (variances + tau2[:, None])
        mean = weights @ differences / weights.sum(axis=1)
        return np.asarray((weights * (differences - mean[:, None]) ** 2).sum(axis=1))

    low = np.zeros(len(heterogeneity))
    # Q is at most the sum of squares over tau^2.
    high = ((differences - differences.mean()) ** 2).sum() / heterogeneity + variances.max()
    for _ in range(60):
        middle = (low + high) / 2
        above = q(middle) > heterogeneity
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(q(np.zeros(1)) <= heterogeneity, 0.0, low)
