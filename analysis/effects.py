"""Sizes of effects, and what could have been detected."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.inference import Inference

Floats = npt.NDArray[np.float64]

POWER = 0.8
ALPHA = 0.05


def hedges_g(values_a: Floats, values_b: Floats) -> float:
    """Hedges's g_av of paired values: the mean difference over the average SD, with the small-sample factor.

    g_av as in Lakens (Frontiers in Psychology 2013, equation 10); the factor is 1 - 3 / (8 S - 9). NaN below two
    seeds or without any variance.
    """
    seeds = len(values_a)
    if seeds < 2:
        return math.nan
    spread = math.sqrt((values_a.var(ddof=1) + values_b.var(ddof=1)) / 2)
    if spread == 0:
        return math.nan
    return float((values_b - values_a).mean() / spread * (1 - 3 / (8 * seeds - 9)))


def superior_share(values_a: Floats, values_b: Floats) -> float:
    """The share of seeds in which B beats A on the same sample, ties one half: an estimate of P(B > A)."""
    difference = values_b - values_a
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def detectable(inference: Inference, power: float = POWER) -> float:
    """The smallest true difference that this design finds with this power at two-sided 5%.

    (t_.975,df + t_power,df) sqrt(V), with V and df as they were found.
    """
    from scipy.stats import norm, t

    if math.isinf(inference.df):
        return float((norm.ppf(1 - ALPHA / 2) + norm.ppf(power)) * inference.se)
    return float((t.ppf(1 - ALPHA / 2, inference.df) + t.ppf(power, inference.df)) * inference.se)


def detectable_map(
    inference: Inference,
    seeds: int,
    patients: int,
    grid_seeds: Floats,
    grid_patients: Floats,
    power: float = POWER,
) -> Floats:
    """Minimum detectable differences for other numbers of seeds and patients: buy seeds, or buy patients?

    Variance between seeds is kept, its part shrinking as 1/S; the patients' part shrinks as 1/N.

    Args:
        inference: of the design that was run, with at least two seeds.
        seeds, patients: of that design.
        grid_seeds: (P,) numbers of seeds, at least 2; infinity gives the floor.
        grid_patients: (Q,) numbers of patients.

    Returns:
        (P, Q) differences.
    """
    found = np.empty((len(grid_seeds), len(grid_patients)))
    for i, s in enumerate(grid_seeds):
        for j, n in enumerate(grid_patients):
            seed_part = 0.0 if math.isinf(s) else inference.seed_variance / s
            patient_part = inference.patient_part * patients / n
            total = seed_part + patient_part
            df = math.inf if seed_part == 0 else total**2 / (seed_part**2 / (s - 1))
            changed = Inference(0.0, math.sqrt(total), df, math.nan, 0.0, seed_part, patient_part)
            found[i, j] = detectable(changed, power)
    return found
