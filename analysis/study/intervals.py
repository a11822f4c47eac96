"""The interval of one arm, on the scale that suits its metric."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from analysis.statistics import auc
from analysis.statistics.inference import logit_interval
from analysis.study.scores import AUROC, Scored

FEW_PATIENTS = 30  # with positives or negatives of a class: below it, logit intervals of an AUROC are too short


def arm_interval(scored: Scored, a: int, level: float = 0.95) -> tuple[float, float]:
    """Both ends of the interval of arm a, about what is asked of its block.

    On the logit scale for metrics in [0, 1]; Newcombe's method 5, with the seeds' variance added, for an AUROC of which
    some class or label has fewer than 30 patients with positives or with negatives, or that is at its bounds; else, and
    for a bound without any variance, the t interval.
    """
    inference = scored.arm(a)
    inside = 0 < inference.estimate < 1
    if scored.metric.name == AUROC and (not inside or fewest_patients(scored) < FEW_PATIENTS):
        # Newcombe's variance is that of a formula, and not estimated from so many patients.
        mean = replace(inference, df=math.inf) if scored.block.estimand == "models" else inference
        return auc.newcombe_joint(mean, _cases(scored, a), level)
    if scored.metric.unit_interval and inside:
        return logit_interval(inference, level)
    return inference.interval(level)


def fewest_patients(scored: Scored) -> int:
    """The smallest number of patients with positives, or with negatives, of any ranked class or label."""
    return int(min(counts.min() for counts in _patients(scored)))


def _patients(scored: Scored) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(K,) each: patients that have positives, and that have negatives, of the ranked classes or labels."""
    block = scored.block
    counts = [[len(np.unique(block.groups[block.truth[:, k] == value])) for k in block.columns] for value in (1.0, 0.0)]
    return np.array(counts[0], dtype=np.intp), np.array(counts[1], dtype=np.intp)


def _cases(scored: Scored, a: int) -> auc.Cases:
    """The patients of each class, and how the AUROCs of arm a hang together over seeds and classes."""
    block = scored.block
    _, seeds, refits, images, _ = block.scores.shape
    areas, own = [], []
    for k in block.columns:
        vectors = block.scores[a, ..., k].reshape(-1, images)
        parts = auc.placements(block.truth[:, k], vectors, block.groups).averaged(refits)
        areas.append(float(parts.auc.mean()))
        own.append(float(np.trace(auc.covariance(parts))) / seeds)
    positives, negatives = _patients(scored)
    of_arm, count = scored.arm_covariance(a), len(areas)
    single = float(np.trace(of_arm)) / seeds
    # What a mean over new seeds keeps of one seed's variance over patients; over these very models, a little more.
    mean = float(of_arm.sum()) / seeds
    shared = mean / seeds if block.estimand == "models" else (mean - single) / max(seeds - 1, 1)
    kept = shared / single if seeds > 1 and single > 0 else 1.0
    # The share is itself estimated from few patients: as if one more were kept by all seeds alike.
    kept += (1 - kept) / min(positives.min(), negatives.min())
    # Where no variance is seen, the classes count as moving together: the widest that can be true.
    joined = single * count**2 / sum(own) if sum(own) > 0 else count
    return auc.Cases(
        np.array(areas), positives, negatives, float(np.clip(kept, 0, 1)), float(np.clip(joined, 1, count))
    )
