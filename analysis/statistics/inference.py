"""Joint inference over training seeds and patients: Obuchowski and Rockette's model with Hillis's df.

Radiology compares modalities by several readers on the same cases; here the seeds are the readers, the arms
are the modalities and the holdout's patients are the cases. Obuchowski and Rockette (Communications in
Statistics 1995), Hillis (Statistics in Medicine 2007); the correction for overlapping training samples is
the first-order one of Nadeau and Bengio (Machine Learning 2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST_SEEDS = 3  # below it the variance between seeds is known too badly for a p-value
WHY_NO_P = f"no p-value below {FEWEST_SEEDS} seeds: the variance between training samples cannot be judged"


@dataclass(frozen=True, slots=True)
class Inference:
    """A mean over seeds, and what is known of it.

    Attributes:
        estimate: D, or the arm's mean.
        se: its standard error, the square root of V.
        df: Hillis's degrees of freedom, infinite where the seeds add no variance.
        p: two-sided, of no difference; NaN where it is refused.
        seed_variance: sample variance over the seeds; NaN for one seed.
        seed_part: what the seeds add to V.
        patient_part: what the patients add to V.
    """

    estimate: float
    se: float
    df: float
    p: float
    seed_variance: float
    seed_part: float
    patient_part: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Both ends of the t interval."""
        half = quantile(0.5 + level / 2, self.df) * self.se
        return self.estimate - half, self.estimate + half

    def probability_below(self, bound: float) -> float:
        """P(theta < bound) for theta ~ t_df(estimate, se)."""
        from scipy.stats import norm, t

        if self.se == 0:
            return float(self.estimate < bound)
        z = (bound - self.estimate) / self.se
        return float(norm.cdf(z) if math.isinf(self.df) else t.cdf(z, self.df))


def joint(values: Floats, covariance: Floats, rho: float = 0.0) -> Inference:
    """The mean of one value a seed, for new seeds and new patients.

    V = s2 (1/S + rho/(1-rho)) + max(Cov, 0), with s2 the variance of the values over the seeds and Cov the
    mean covariance between different seeds' values that the patients cause. df = V^2 / ((s2 part)^2 / (S-1)).

    Args:
        values: (S,) differences between two arms, or one arm's metric.
        covariance: (S, S) covariance of the values over a new sample of patients, the trained models held
            fixed.
        rho: expected overlap of two seeds' training samples, in [0, 1).

    Returns:
        The inference. With one seed it is conditional on that trained model.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or rho outside [0, 1).
    """
    values = np.asarray(values, dtype=np.float64)
    seeds = len(values)
    if covariance.shape != (seeds, seeds):
        raise ValueError(f"{seeds} values need a {seeds} x {seeds} covariance, not {covariance.shape}")
    if not np.isfinite(values).all() or not np.isfinite(covariance).all():
        raise ValueError("values and covariance must be finite")
    if not 0 <= rho < 1:
        raise ValueError(f"rho is {rho}: it must be in [0, 1)")
    estimate = float(values.mean())
    if seeds == 1:
        patients = max(float(covariance[0, 0]), 0.0)
        return Inference(estimate, math.sqrt(patients), math.inf, math.nan, math.nan, 0.0, patients)
    variance = float(values.var(ddof=1))
    between = (covariance.sum() - np.trace(covariance)) / (seeds * (seeds - 1))
    seed_part = variance * (1 / seeds + rho / (1 - rho))
    patient_part = max(float(between), 0.0)
    total = seed_part + patient_part
    df = math.inf if seed_part == 0 else total**2 / (seed_part**2 / (seeds - 1))
    p = math.nan if seeds < FEWEST_SEEDS else two_sided(estimate, math.sqrt(total), df)
    return Inference(estimate, math.sqrt(total), df, p, variance, seed_part, patient_part)


def difference(values_a: Floats, values_b: Floats, covariance: Floats, rho: float = 0.0) -> Inference:
    """Arm B minus arm A, paired by seed.

    Args:
        values_a, values_b: (S,) the metric of each seed.
        covariance: (2S, 2S) of A's values followed by B's.
        rho: as in `joint`.
    """
    return joint(values_b - values_a, contrast(covariance, len(values_a)), rho)


def contrast(covariance: Floats, seeds: int) -> Floats:
    """(2S, 2S) covariance of A's and B's values to the (S, S) covariance of B - A."""
    aa, ab = covariance[:seeds, :seeds], covariance[:seeds, seeds:]
    return np.asarray(covariance[seeds:, seeds:] - ab - ab.T + aa)


def logit_interval(inference: Inference, level: float = 0.95) -> tuple[float, float]:
    """The interval of a metric in (0, 1), formed on the logit scale by the delta method and mapped back.

    Raises:
        ValueError: the estimate is 0 or 1, where the scale ends.
    """
    mean = inference.estimate
    if not 0 < mean < 1:
        raise ValueError(f"no logit interval at {mean}")
    centre = math.log(mean / (1 - mean))
    half = quantile(0.5 + level / 2, inference.df) * inference.se / (mean * (1 - mean))
    return _expit(centre - half), _expit(centre + half)


def two_sided(estimate: float, se: float, df: float) -> float:
    """The two-sided p-value of estimate / se; where se is 0, 1 for an exact zero and 0 for any other value."""
    from scipy.stats import norm, t

    if se == 0:
        return 1.0 if estimate == 0 else 0.0
    z = abs(estimate) / se
    return float(2 * (norm.sf(z) if math.isinf(df) else t.sf(z, df)))


def paired_t(values: Floats) -> tuple[float, float, float]:
    """Mean, standard error and df of a paired t test of (S,) differences: conditional on these patients."""
    seeds = len(values)
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(seeds)), float(seeds - 1)


def sign_flip(values: Floats) -> float:
    """Exact two-sided sign-flip p-value of the mean of (S,) differences, over all 2^S flips.

    It is conditional on these patients.

    Raises:
        ValueError: fewer than 6 seeds, where it cannot reach .05, or more than 20.
    """
    seeds = len(values)
    if not 6 <= seeds <= 20:
        raise ValueError(f"the exact sign-flip test takes 6 to 20 seeds, not {seeds}")
    signs = 1 - 2 * ((np.arange(2**seeds)[:, None] >> np.arange(seeds)) & 1)
    sums = np.abs(signs @ values)
    return float(np.mean(sums >= abs(values.sum()) * (1 - 1e-12)))


def quantile(probability: float, df: float) -> float:
    """Of Student's t, or of the normal distribution where df is infinite."""
    from scipy.stats import norm, t

    return float(norm.ppf(probability) if math.isinf(df) else t.ppf(probability, df))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
