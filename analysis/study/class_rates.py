"""Sensitivity and specificity of every class or label at the default decision, with joint intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.predictions.block import Block
from analysis.statistics.proportions import wilson
from analysis.study.scores import Scored, score_sums
from benchmark.metrics import Metric
from benchmark.sums import Numbers, Sums


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
    """Every class or label: the class of the largest probability is decided on, a label where it is .5 or more."""
    made = {}
    for k in block.columns:
        made["sensitivity", k] = _metric("sensitivity", k, _rate_of_hits(block, k))
        made["specificity", k] = _metric("specificity", k, _rate_of_rejections(block, k))
    scored = score_sums(block, list(made.values()))
    return [_of_class(block, k, *(scored[made[name, k].name] for name in RATES)) for k in block.columns]


RATES = ("sensitivity", "specificity")


def _of_class(block: Block, k: int, sensitivity: Scored, specificity: Scored) -> ClassRates:
    positive, negative = block.truth[:, k] == 1, block.truth[:, k] == 0
    patients = [len(np.unique(block.groups[rows])) for rows in (positive, negative)]
    counts = int(positive.sum()), int(negative.sum())
    return ClassRates(block, block.classes[k], sensitivity, specificity, *counts, *patients)


def _with_interval(scored: Scored, a: int, patients: int) -> tuple[float, float, float]:
    inference = scored.arm(a)
    share = float(np.clip(inference.estimate, 0, 1))
    return share, *wilson(share, inference.se, patients, inference.critical(0.05))


def _metric(name: str, k: int, formula: Callable[[Sums], Numbers]) -> Metric:
    return Metric(f"{name} {k}", name, True, (0.0, 1.0), 0.0, None, None, formula)


def _place(block: Block, k: int) -> tuple[int, int]:
    """(problem, class) of a column in `benchmark.sums`: labels are problems of their own, with absent and present."""
    return (k, 1) if block.task == "multilabel" else (0, k)


def _rate_of_hits(block: Block, k: int) -> Callable[[Sums], Numbers]:
    problem, place = _place(block, k)

    def of_sums(sums: Sums) -> Numbers:
        rate = sums.hits[..., problem, place] / sums.true[..., problem, place]
        return np.asarray(rate[..., None])

    return of_sums


def _rate_of_rejections(block: Block, k: int) -> Callable[[Sums], Numbers]:
    problem, place = _place(block, k)

    def of_sums(sums: Sums) -> Numbers:
        true, hits = sums.true[..., problem, place], sums.hits[..., problem, place]
        images = sums.true[..., problem, :].sum(axis=-1)
        rate = (images - true - sums.predicted[..., problem, place] + hits) / (images - true)
        return np.asarray(rate[..., None])

    return of_sums
