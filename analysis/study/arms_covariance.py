"""The covariance of the arms' means, over new training samples and new patients together, or over patients alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.study.scores import Scored

Floats = npt.NDArray[np.float64]


def arms_covariance(scored: Scored) -> Floats:
    """(A, A) covariance of the means over seeds: the joint method's V on its diagonal, but for overlapping samples.

    The seeds' part is their sample covariance over S; the patients' part the mean covariance between different seeds,
    as in `statistics.inference.joint`. One seed has the patients' part alone, as have trained models that are held
    fixed.
    """
    arms, seeds = scored.values.shape
    over_patients = scored.covariance.reshape(arms, seeds, arms, seeds)
    if seeds == 1 or scored.block.estimand == "models":
        return np.asarray(over_patients.mean(axis=(1, 3)))
    within = np.einsum("asbs->ab", over_patients)
    between = (over_patients.sum(axis=(1, 3)) - within) / (seeds * (seeds - 1))
    return np.asarray(np.cov(scored.values) / seeds + between)
