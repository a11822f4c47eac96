"""What a design can detect: variance components, the smallest detectable difference, and power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analysis.statistics.critical import chi_squared, critical
from analysis.statistics.inference import LEAST_DATA, Inference, quantile

Floats = npt.NDArray[np.float64]

POWER = 0.8
ALPHA = 0.05
STEPS, PRECISION = 60, 1e-9  # of the search for the smallest difference: most of them, and in standard errors


@dataclass(frozen=True, slots=True)
class Components:
    """Variance components of one seed's difference between two arms, in the metric's squared units.

    Attributes:
        seeds: of training samples and training, patients held fixed; at least 0.
        patients: of the patients, the same for all seeds; at least 0.
        interaction: of patients and seeds together; at least 0.
        rho: overlap of the training samples, in [0, 1).
        data: the part of the seeds' variance that overlap hides, where refits tell it apart; None for all of `seeds`.
    """

    seeds: float
    patients: float
    interaction: float
    rho: float = 0.0
    data: float | None = None

    @property
    def hidden(self) -> float:
        """What overlap adds to the variance of a mean, however many seeds it is over."""
        return self.rho / (1 - self.rho) * (self.seeds if self.data is None else self.data)


def detectable(inference: Inference, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest true difference that is found between models held fixed, by Student's t with the inference's df."""
    return (quantile(1 - alpha / 2, inference.df) + quantile(power, inference.df)) * inference.se


def detectable_with(
    parts: Components, seeds: float, factor: float, power: float = POWER, alpha: float = ALPHA
) -> float:
    """The smallest true difference that a design finds: buy seeds, or buy patients?

    Args:
        parts: the components, from a finished study, a pilot, or assumed.
        seeds: S >= 2; infinity gives the floor that no number of training runs goes below.
        factor: patients of the new design over those that `parts` are about.
        power: to reach, in (0, 1).
        alpha: two-sided level of the test; of m comparisons in one family, .05 / m.
    """
    se, bounds, weights = _test(parts, seeds, factor, alpha)
    if se == 0:
        return 0.0
    low, high = 0.0, float(bounds.max()) + 10 * se
    guess = float(bounds @ weights) + quantile(power, math.inf) * se
    # Newton's steps, halved where they leave what is known to hold the root: the power rises with the difference.
    for _ in range(STEPS):
        missing = power - _rejected(guess, se, bounds, weights)
        low, high = (guess, high) if missing > 0 else (low, guess)
        slope = float((_density((guess - bounds) / se) - _density((-bounds - guess) / se)) @ weights) / se
        step = guess + missing / slope if slope > 0 else low
        guess, before = (step if low < step < high else (low + high) / 2), guess
        if abs(guess - before) < PRECISION * se:
            break
    return guess


def design(parts: Components, seeds: float, factor: float) -> Inference:
    """The inference that a design leads to on average, with a difference of zero; arguments as in `detectable_with`."""
    one_seed = parts.seeds + parts.interaction / factor
    seed_part = parts.hidden + (0.0 if math.isinf(seeds) else one_seed / seeds)
    patient_part = parts.patients / factor
    total = seed_part + patient_part
    certain = seed_part == 0 or math.isinf(seeds)
    df = math.inf if certain else total**2 / (seed_part**2 / (seeds - 1))
    return Inference(0.0, math.sqrt(total), df, math.nan, one_seed, seed_part, patient_part)


def power_of(difference: float, parts: Components, seeds: float, factor: float = 1, alpha: float = ALPHA) -> float:
    """Chance that the joint test rejects, where estimates are normal; its size at 0.

    Exact for that test: the mean over what the variance between seeds can turn out to be, a scaled chi-squared
    variable. With refits, what overlap hides is taken to turn out in proportion.

    Args:
        difference: the true one.
        parts, seeds, factor, alpha: as in `detectable_with`.
    """
    se, bounds, weights = _test(parts, seeds, factor, alpha)
    return float(difference != 0) if se == 0 else _rejected(difference, se, bounds, weights)


@lru_cache(maxsize=4096)
def _test(parts: Components, seeds: float, factor: float, alpha: float) -> tuple[float, Floats, Floats]:
    """The standard error of a design's estimate, what |estimate| must exceed for every q, and the weights of the q."""
    mean = design(parts, seeds, factor)
    if mean.se == 0 or math.isinf(mean.df):
        return mean.se, np.array([quantile(1 - alpha / 2, math.inf) * mean.se]), np.ones(1)
    q, weights = chi_squared(int(seeds) - 1)
    return mean.se, bounds_of(parts, mean.seed_variance * q, int(seeds), factor, alpha), weights


def bounds_of(parts: Components, variance: Floats, seeds: int, factor: float, alpha: float) -> Floats:
    """What |estimate| must exceed where the variance over the seeds turns out to be this, as in `inference.joint`.

    Args:
        parts, seeds, factor, alpha: as in `detectable_with`.
        variance: (N,) sample variances over the seeds; that of one seed's difference is positive.
    """
    interaction, odds = parts.interaction / factor, parts.rho / (1 - parts.rho)
    own, least = variance - interaction, LEAST_DATA * variance
    # Refits tell the part that overlap hides; it is taken to turn out in proportion.
    data = own if parts.data is None else parts.data * variance / (parts.seeds + interaction)
    seed_part = variance / seeds + odds * np.maximum(data, least)
    total = seed_part + parts.patients / factor
    moving = np.where((parts.data is None) & (own > least), variance * (1 / seeds + odds), seed_part)
    shares = np.minimum(moving / total, 1)
    return np.asarray(critical(shares, seeds, alpha) * np.sqrt(total))


def _density(x: Floats) -> Floats:
    return np.asarray(np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


def _rejected(difference: float, se: float, bounds: Floats, weights: Floats) -> float:
    from scipy.special import ndtr

    return float((ndtr((difference - bounds) / se) + ndtr((-bounds - difference) / se)) @ weights)
