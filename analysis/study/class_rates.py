"""Sensitivity and specificity of every class or label at the default decision, with joint intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Scores
from analysis.statistics.proportions import wilson
from analysis.study.scores import Scored
from benchmark.metrics import Metric

Floats = npt.NDArray[np.float64]

GIVEN_FROM = 0.5  # probability from which a label is given, wherever images are decided on


@dataclass(frozen=True, slots=True, eq=False)
class ClassRates:
    """One class or label of a block; of a binary task the positive class alone.

    Attributes:
        block: all of it.
        name: of the class or label.
        sensitivity, specificity: share of its positives, and of its negatives, that are decided as they are.
        positives, negatives: images of either kind.
        positive_patients, negative_patients: who have any.
    """

    block: Block
    name: str
    sensitivity: Scored
    specificity: Scored
    positives: int
    negatives: int
    positive_patients: int
    negative_patients: int

    def sensitivity_of(self, a: int) -> tuple[float, float, float]:
        """Of arm a, with both ends of its 95% interval."""
        return _with_interval(self.sensitivity, a, self.positive_patients)

    def specificity_of(self, a: int) -> tuple[float, float, float]:
        """Of arm a, with both ends of its 95% interval."""
        return _with_interval(self.specificity, a, self.negative_patients)


def class_rates(block: Block) -> list[ClassRates]:
    """Every class or label: the class of the largest probability is decided on, a label where it is .5 or more.

    A patient's contribution to a rate is what an average image of its kind misses it by, times the patient's number of
    them: for such ratios of sums that is the influence value (`analysis.statistics.influence`).
    """
    columns = list(block.columns)
    positive, negative = block.truth[:, columns] == 1, block.truth[:, columns] == 0
    by_group = _adder(block)
    counts = by_group(np.concatenate([positive, negative], axis=1))
    total = counts.sum(axis=0)
    arms, seeds, refits = block.scores.shape[:3]
    values = np.zeros((arms, seeds, refits, len(total)))
    contributions = np.zeros((arms, seeds, *counts.shape))
    for a, s, r in np.ndindex(arms, seeds, refits):
        given = _given(block, block.scores[a, s, r])[:, columns]
        right = by_group(np.concatenate([given & positive, ~given & negative], axis=1))
        values[a, s, r] = right.sum(axis=0) / total
        contributions[a, s] += (right - values[a, s, r] * counts) / total / refits
    made = [_scored(block, name, values[..., at], contributions[..., at]) for at, name in enumerate(_names(block))]
    count = len(columns)
    patients = (counts > 0).sum(axis=0)
    return [
        ClassRates(
            block, block.classes[k], made[at], made[count + at],
            *(int(number) for number in (total[at], total[count + at], patients[at], patients[count + at])),
        )
        for at, k in enumerate(columns)
    ]  # fmt: skip


def _with_interval(scored: Scored, a: int, patients: int) -> tuple[float, float, float]:
    inference = scored.arm(a)
    share = float(np.clip(inference.estimate, 0, 1))
    return share, *wilson(share, inference.se, patients, inference.critical(0.05))


def _names(block: Block) -> list[str]:
    return [f"{rate} of {block.classes[k]}" for rate in ("sensitivity", "specificity") for k in block.columns]


def _scored(block: Block, name: str, values: Floats, contributions: Floats) -> Scored:
    """One rate: (A, S, R) values and (A, S, G) contributions, its covariance as in `analysis.study.scores`."""
    arms, seeds, groups = contributions.shape
    flat = contributions.reshape(arms * seeds, groups)
    metric = Metric(name, name, True, (0.0, 1.0), 0.0, None, None, None)
    covariance = groups / (groups - 1) * (flat @ flat.T)
    return Scored(block, metric, values.mean(axis=2), covariance, values, flat.astype(np.float32))


def _given(block: Block, scores: Scores) -> npt.NDArray[np.bool_]:
    """(N, K) which class or labels an image is given."""
    if block.task == "multilabel":
        return np.asarray(scores >= GIVEN_FROM)
    return np.asarray(np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None])


def _adder(block: Block) -> Callable[[npt.NDArray[np.bool_]], Floats]:
    """What counts (N, C) marks of images by group: (G, C)."""
    order = np.argsort(block.groups, kind="stable")
    starts = np.searchsorted(block.groups[order], np.arange(block.group_count))
    return lambda marks: np.add.reduceat(marks[order], starts, axis=0, dtype=np.float64)
