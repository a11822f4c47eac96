"""Calibration of one arm: intercept and slope with joint intervals, and the debiased error as a description."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.calibration import calibration_error, logistic
from analysis.statistics.inference import Inference, joint

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Means over seeds, refits and one-versus-rest problems.

    Attributes:
        intercept, slope: of the recalibration, perfect at 0 and 1; None where some problem has no finite fit.
        error: root mean squared calibration error, debiased.
    """

    intercept: Inference | None
    slope: Inference | None
    error: float


def calibration(block: Block, a: int) -> Calibration:
    """The calibration of arm a, for new seeds and new patients."""
    _, seeds, refits, _, _ = block.scores.shape
    count = block.group_count
    values, contributions, errors = np.zeros((seeds, 2)), np.zeros((seeds, count, 2)), []
    share = 1 / (refits * len(block.columns))
    for s in range(seeds):
        for r in range(refits):
            for k in block.columns:
                known = ~np.isnan(block.truth[:, k])
                truth, score = block.truth[known, k], block.scores[a, s, r, known, k].astype(np.float64)
                fitted, of_groups = logistic(truth, score, block.groups[known], count)
                values[s] += share * fitted
                contributions[s] += share * of_groups
                errors.append(calibration_error(truth, score))
    intercept, slope = (_inference(values[:, j], contributions[..., j], block.rho) for j in range(2))
    return Calibration(intercept, slope, float(np.mean(errors)))


def _inference(values: Floats, contributions: Floats, rho: float) -> Inference | None:
    """Joint inference on (S,) values from their groups' contributions (S, G)."""
    if not np.isfinite(values).all():
        return None
    groups = contributions.shape[1]
    return joint(values, groups / (groups - 1) * (contributions @ contributions.T), rho)
