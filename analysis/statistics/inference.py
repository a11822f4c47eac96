"""Joint inference over training seeds and patients: Obuchowski and Rockette's model with a calibrated test.

Radiology compares modalities by several readers on the same cases; here the seeds are the readers, the arms
are the modalities and the holdout's patients are the cases. Obuchowski and Rockette (Communications in
Statistics 1995), Hillis (Statistics in Medicine 2007); the correction for overlapping training samples is
the first-order one of Nadeau and Bengio (Machine Learning 2003), and the critical value that of `critical`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.statistics.critical import critical, p_value

Floats = npt.NDArray[np.float64]

FEWEST_SEEDS = 3  # below it the variance between seeds is known too badly for a p-value
#: Of the variance between seeds, taken at least as the training samples' own where these overlap.
LEAST_DATA = 0.75
WHY_NO_P = f"no p-value below {FEWEST_SEEDS} seeds: the variance between training samples cannot be judged"
HALVINGS = 2000  # of the interval around a p-value, which may be as small as 1e-200


@dataclass(frozen=True, slots=True)
class Inference:
    """A mean over seeds, and what is known of it.

    Attributes:
        estimate: D, or the arm's mean.
        se: its standard error, the square root of V.
        df: Hillis's degrees of freedom, infinite where the seeds add no variance; of fixed models `effective_df`.
        p: two-sided, of no difference; NaN where it is refused.
        seed_variance: sample variance over the seeds; NaN for one seed.
        seed_part: what the seeds add to V.
        patient_part: what the patients add to V.
        seeds: S, from which the critical value follows; 0 where it is that of Student's t with `df`.
        share: the part of V that moves with the variance over the seeds, over V, in [0, 1]: the seeds' share, but for
            the constant that may be taken off where samples overlap.
    """

    estimate: float
    se: float
    df: float
    p: float
    seed_variance: float
    seed_part: float
    patient_part: float
    seeds: int = 0
    share: float = 0.0

    @property
    def by_hillis(self) -> Inference:
        """The same by Student's t with Hillis's degrees of freedom, too lenient with few seeds."""
        p = self.p if math.isnan(self.p) else two_sided(self.estimate, self.se, self.df)
        return replace(self, seeds=0, p=p)

    def critical(self, alpha: float) -> float:
        """What |estimate| / se must exceed at two-sided `alpha`."""
        if self.seeds < 2:
            return quantile(1 - alpha / 2, self.df)
        return float(critical(self.share, self.seeds, alpha))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Both ends of the interval."""
        half = self.critical(1 - level) * self.se
        return self.estimate - half, self.estimate + half

    def p_above(self, bound: float) -> float:
        """One-sided p-value for theta > bound; NaN where p-values are refused."""
        if math.isnan(self.p):
            return math.nan
        if self.se == 0:
            return 0.0 if self.estimate > bound else 1.0
        half = self._two_sided(self.estimate - bound) / 2
        return half if self.estimate > bound else 1 - half

    def p_below(self, bound: float) -> float:
        """One-sided p-value for theta < bound; NaN where p-values are refused."""
        return replace(self, estimate=-self.estimate).p_above(-bound)

    def _two_sided(self, distance: float) -> float:
        if self.seeds < 2 or self.se == 0:
            return two_sided(distance, self.se, self.df)
        return p_value(distance / self.se, self.share, self.seeds)

    def probability_below(self, bound: float) -> float:
        """P(theta < bound) for theta ~ t_df(estimate, se), with Hillis's df."""
        if self.se == 0:
            return float(self.estimate < bound)
        return _below((bound - self.estimate) / self.se, self.df)


def joint(values: Floats, covariance: Floats, rho: float = 0.0, refits: Floats | None = None) -> Inference:
    """The mean of one value a seed, for new seeds and new patients.

    V = s2 / S + max(Cov, 0) + rho/(1-rho) max(data, .75 s2), with s2 the variance of the values over the seeds, Cov the
    mean covariance that the patients cause between different seeds' values, and data the part of s2 that training
    samples have in common where they overlap: s2 less what patients and seeds do together, or, where there are refits,
    their covariance over the seeds. Nothing else comes back with another draw of the same images. But `data` is a
    difference of two estimates, and the smaller the seeds' variance happens to be, the more of it is taken off: without
    the least part, a test at 5% goes wrong in up to 18% (rho = .6, S = 10) where patients add little of their own.

    Args:
        values: (S,) differences between two arms, or one arm's metric.
        covariance: (S, S) covariance of the values over a new sample of patients, the trained models held
            fixed.
        rho: overlap of two seeds' training samples, in [0, 1); 0 for new samples from the same pool.
        refits: (S, R) the values that `values` are the means of, where there are any.

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
        return Inference(estimate, math.sqrt(patients), math.inf, math.nan, math.nan, 0.0, patients, 1)
    variance = float(values.var(ddof=1))
    patient_part = max(shared(covariance), 0.0)
    data, least, odds = data_part(values, covariance, refits), LEAST_DATA * variance, rho / (1 - rho)
    seed_part = variance / seeds + odds * max(data, least)
    total = seed_part + patient_part
    several = refits is not None and refits.shape[1] > 1
    moving = seed_part if several or data <= least else variance * (1 / seeds + odds)
    share = min(moving / total, 1.0) if total > 0 else 0.0
    df = math.inf if seed_part == 0 else total**2 / (seed_part**2 / (seeds - 1))
    result = Inference(estimate, math.sqrt(total), df, 0.0, variance, seed_part, patient_part, seeds, share)
    return replace(result, p=math.nan if seeds < FEWEST_SEEDS else result._two_sided(estimate))


def shared(covariance: Floats) -> float:
    """Cov: the mean of the covariance between different seeds, of an (S, S) covariance with S >= 2."""
    seeds = len(covariance)
    return float((covariance.sum() - np.trace(covariance)) / (seeds * (seeds - 1)))


def data_part(values: Floats, covariance: Floats, refits: Floats | None = None) -> float:
    """The variance between seeds, at least 0, that overlapping training samples hide; arguments as in `joint`."""
    seeds = len(values)
    if refits is not None and refits.shape[1] > 1:
        count = int(refits.shape[1])
        total = float(count**2 * refits.mean(axis=1).var(ddof=1) - refits.var(axis=0, ddof=1).sum())
        return max(float(total / (count * (count - 1))), 0.0)
    interaction = float(np.trace(covariance)) / seeds - shared(covariance)
    return max(float(values.var(ddof=1)) - interaction, 0.0)


def difference(
    values_a: Floats, values_b: Floats, covariance: Floats, rho: float = 0.0, refits: Floats | None = None
) -> Inference:
    """Arm B minus arm A, paired by seed.

    Args:
        values_a, values_b: (S,) the metric of each seed.
        covariance: (2S, 2S) of A's values followed by B's.
        rho: as in `joint`.
        refits: (S, R) differences B - A, as in `joint`.
    """
    return joint(values_b - values_a, contrast(covariance, len(values_a)), rho, refits)


def these_models(values: Floats, covariance: Floats, contributions: Floats | None = None) -> Inference:
    """The mean of (S,) values for new patients alone, the trained models held fixed.

    Args:
        values, covariance: as in `joint`.
        contributions: (S, G) of the patients to the values, which the covariance is made from; where None, it is taken
            as known.
    """
    estimate, se = float(values.mean()), math.sqrt(max(float(covariance.sum()), 0.0)) / len(values)
    df = math.inf if contributions is None else effective_df(contributions.mean(axis=0))
    return Inference(estimate, se, df, two_sided(estimate, se, df), math.nan, 0.0, se**2)


def effective_df(contributions: Floats) -> float:
    """Degrees of freedom of a variance that is a sum of squares of (G,) independent contributions.

    2 V^2 / Var(V), by moments (Satterthwaite, Biometrics 1946; for variances by clusters Pan and Wall, Statistics in
    Medicine 2002). Where few patients carry most of an estimate, such as 30 positives among 300, its standard error is
    known as badly as that of their number, or worse: many comparisons, whose tails are far out, then go wrong by the
    normal distribution.
    """
    squares = contributions**2
    total = float(squares.sum())
    spread = float((squares**2).sum()) - total**2 / len(squares)
    return 2 * total**2 / spread if spread > 1e-12 * total**2 else math.inf


def cochran(inference: Inference, level: float = 0.95) -> tuple[float, float, float]:
    """The p-value and both ends of the interval by Cochran's critical value, w t + (1 - w) z (Biometrics 1964).

    Args:
        inference: of two seeds or more; w is their share of V, t has S - 1 degrees of freedom.
        level: of confidence.

    Returns:
        p (NaN where it is refused), and the ends.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm, t

    def bound(alpha: float) -> float:
        return float(
            inference.share * t.isf(alpha / 2, inference.seeds - 1) + (1 - inference.share) * norm.isf(alpha / 2)
        )

    half = bound(1 - level) * inference.se
    p = inference.p
    if inference.se > 0 and not math.isnan(p):
        statistic = abs(inference.estimate) / inference.se
        smallest = 1e-200
        beyond = statistic >= bound(smallest)
        p = (
            0.0
            if beyond
            else float(brentq(lambda alpha: bound(alpha) - statistic, smallest, 1.0, xtol=1e-300, maxiter=HALVINGS))
        )
    return p, inference.estimate - half, inference.estimate + half


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
    half = inference.critical(1 - level) * inference.se / (mean * (1 - mean))
    return _expit(centre - half), _expit(centre + half)


def two_sided(estimate: float, se: float, df: float) -> float:
    """The two-sided p-value of estimate / se; where se is 0, 1 for an exact zero and 0 for any other value."""
    if se == 0:
        return 1.0 if estimate == 0 else 0.0
    return 2 * _below(-abs(estimate) / se, df)


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
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if math.isinf(df) else stdtrit(df, probability))


def _below(z: float, df: float) -> float:
    """P(Student's t < z); by scipy.special, as scipy.stats takes most of the time of a study of many arms."""
    from scipy.special import ndtr, stdtr

    return float(ndtr(z) if math.isinf(df) else stdtr(df, z))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
