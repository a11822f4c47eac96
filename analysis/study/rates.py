"""Shares of images, such as sensitivity: one value an (arm, seed), its covariance over patients, and its interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.proportions import wilson
from analysis.study.scores import Scored
from benchmark.metrics import Metric

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float, float]  # an estimate, and both ends


def scored_rate(block: Block, name: str, values: Floats, contributions: Floats) -> Scored:
    """One rate as `Scored`.

    A patient's contribution to a rate is what an average image of its kind misses it by, times the patient's number of
    them: for such ratios of sums that is the influence value (`analysis.statistics.influence`).

    Args:
        block: of the images.
        name: of the rate.
        values: (A, S, R).
        contributions: (A, S, G) of the patients, mean over the refits.
    """
    arms, seeds, groups = contributions.shape
    flat = contributions.reshape(arms * seeds, groups)
    metric = Metric(name, name, True, (0.0, 1.0), 0.0, None, None, None)
    covariance = groups / (groups - 1) * (flat @ flat.T)
    return Scored(block, metric, values.mean(axis=2), covariance, values, flat.astype(np.float32))


def with_interval(rate: Scored, a: int, patients: int) -> Interval:
    """Arm a's rate with both ends of its 95% interval: Wilson's, at the effective number of patients.

    Args:
        rate: of `scored_rate`.
        a: the arm.
        patients: that it is about.
    """
    inference = rate.arm(a)
    share = float(np.clip(inference.estimate, 0, 1))
    return share, *wilson(share, inference.se, patients, inference.critical(0.05))


def group_adder(block: Block) -> Callable[[npt.NDArray[np.bool_]], Floats]:
    """What counts (N, C) marks of images by group: (G, C)."""
    order = np.argsort(block.groups, kind="stable")
    starts = np.searchsorted(block.groups[order], np.arange(block.group_count))
    return lambda marks: np.add.reduceat(marks[order], starts, axis=0, dtype=np.float64)
