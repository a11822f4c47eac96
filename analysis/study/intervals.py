"""The interval of one arm, on the scale that suits its metric."""

from __future__ import annotations

from analysis.statistics.auc import newcombe_joint
from analysis.statistics.inference import logit_interval
from analysis.study.scores import AUROC, Scored

FEW_CASES = 30  # in a class: below it, logit intervals of an AUROC are too short


def arm_interval(scored: Scored, a: int, level: float = 0.95) -> tuple[float, float]:
    """Both ends of the interval of arm a, for new seeds and new patients.

    On the logit scale for metrics in [0, 1]; Newcombe's method 5, with the seeds' variance added, for an AUROC with
    fewer than 30 positives or negatives or at its bounds; else, and for a bound without any variance, the t interval.
    """
    inference = scored.arm(a)
    block = scored.block
    if scored.metric.name == AUROC and len(block.columns) == 1:
        counts = block.class_counts()
        negative, positive = block.classes
        fewest = min(counts.values())
        if fewest < FEW_CASES or not 0 < inference.estimate < 1:
            return newcombe_joint(inference, counts[positive], counts[negative], level)
    if scored.metric.unit_interval and 0 < inference.estimate < 1:
        return logit_interval(inference, level)
    return inference.interval(level)
