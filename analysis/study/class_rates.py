"""Sensitivity and specificity of every class or label at the default decision, with joint intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Scores
from analysis.study.rates import Interval, group_adder, scored_rate, with_interval
from analysis.study.scores import Scored

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

    def sensitivity_of(self, a: int) -> Interval:
        """Of arm a, with both ends of its 95% interval."""
        return with_interval(self.sensitivity, a, self.positive_patients)

    def specificity_of(self, a: int) -> Interval:
        """Of arm a, with both ends of its 95% interval."""
        return with_interval(self.specificity, a, self.negative_patients)


def class_rates(block: Block) -> list[ClassRates]:
    """Every class or label: the class of the largest probability is decided on, a label where it is .5 or more."""
    columns = list(block.columns)
    positive, negative = block.truth[:, columns] == 1, block.truth[:, columns] == 0
    by_group = group_adder(block)
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
    made = [scored_rate(block, name, values[..., at], contributions[..., at]) for at, name in enumerate(_names(block))]
    count = len(columns)
    patients = (counts > 0).sum(axis=0)
    return [
        ClassRates(
            block, block.classes[k], made[at], made[count + at],
            *(int(number) for number in (total[at], total[count + at], patients[at], patients[count + at])),
        )
        for at, k in enumerate(columns)
    ]  # fmt: skip


def _names(block: Block) -> list[str]:
    return [f"{rate} of {block.classes[k]}" for rate in ("sensitivity", "specificity") for k in block.columns]


def _given(block: Block, scores: Scores) -> npt.NDArray[np.bool_]:
    """(N, K) which class or labels an image is given."""
    if block.task == "multilabel":
        return np.asarray(scores >= GIVEN_FROM)
    return np.asarray(np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None])
