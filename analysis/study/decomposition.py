"""What the variance of a comparison is made of: training seeds, patients, and their interaction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.study.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The variance of one seed's difference in its parts, unbiased: a part near zero may be negative.

    Attributes:
        seeds: of another training sample, for the same patients.
        patients: of other patients, the same for all seeds; NaN for one seed, as is `interaction`.
        interaction: of patients and seeds together.
        of_mean: variance V of the mean over seeds, about what is asked: without the seeds' part where the trained
            models are held fixed.
        share_seeds, share_patients, share_interaction: of V; NaN where V is zero.
    """

    seeds: float
    patients: float
    interaction: float
    of_mean: float
    share_seeds: float
    share_patients: float
    share_interaction: float


def decomposition(comparison: Comparison) -> Decomposition:
    """The unbiased parts, from the covariance over patients of the seeds' differences."""
    count, inference, covariance = comparison.seeds, comparison.inference, comparison.covariance
    own = float(np.trace(covariance)) / count
    shared = math.nan if count == 1 else (float(covariance.sum()) - count * own) / (count * (count - 1))
    total = inference.seed_part + inference.patient_part
    part = (own - shared) / count if count > 1 else math.nan
    of_seeds = 0.0 if comparison.for_models else inference.seed_part - part
    of_patients = shared if comparison.for_models and count > 1 else inference.patient_part
    return Decomposition(
        seeds=comparison.seed_variance - (own - shared),
        patients=shared,
        interaction=own - shared,
        of_mean=total,
        share_seeds=of_seeds / total if total else math.nan,
        share_patients=of_patients / total if total else math.nan,
        share_interaction=part / total if total else math.nan,
    )
