"""Thresholds that are fixed on validation, and what the models reach with them on the holdout.

A threshold belongs to its cell, as the models do: it comes from the same training sample. So the variance over seeds
holds what another threshold would have changed, and over patients it is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, part_of
from analysis.statistics.thresholds import at_specificity, rates, youden
from analysis.study.rates import Interval, group_adder, scored_rate, with_interval
from analysis.study.scores import Scored
from analysis.study.validation import OfBlock

Floats = npt.NDArray[np.float64]

ASKED = 0.9  # specificity
#: How a threshold is fixed: (truth, scores) of validation to the threshold.
RULES: Mapping[str, Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]] = {
    "Youden's J": youden,
    f"{ASKED:.0%} specificity": partial(at_specificity, specificity=ASKED),
}
RATES = ("sensitivity", "specificity", "ppv", "npv")
COMPARED = ("sensitivity", "specificity")
MOST_PAIRS = 15  # of a block with all their differences; of more, only those with the first arm
NONE: Interval = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class OperatingPoint:
    """One class or label of a block, at thresholds that one rule fixed.

    Attributes:
        block: of the arms that have validation scores in every seed.
        name: of the class or label.
        rule: of `RULES`.
        prevalence: in the holdout.
        thresholds: (A, S).
        validated: (A, S, 2) sensitivity and specificity that validation itself shows at its thresholds.
        rates: of `RATES`, what every arm reaches on the holdout, with 95% intervals; NaN where a model calls no image
            positive, or none negative, so that a predictive value does not exist.
        without: of `RATES`, (A,) the number of an arm's models for which it does not exist.
        differences: (a, b) -> rate of `COMPARED` -> that of arm b less that of arm a, with its 95% interval.
    """

    block: Block
    name: str
    rule: str
    prevalence: float
    thresholds: Floats
    validated: Floats
    rates: Mapping[str, tuple[Interval, ...]]
    without: Mapping[str, npt.NDArray[np.intp]]
    differences: Mapping[tuple[int, int], Mapping[str, Interval]]


def operating_points(block: Block, validation: OfBlock) -> list[OperatingPoint]:
    """Every class or label (of a binary task the positive class) under every rule.

    Args:
        block: the predictions of the holdout.
        validation: of its cells. Arms without it in some seed are left out, and so are classes or labels of which some
            cell's validation has only one kind.
    """
    seeds = range(len(block.seeds))
    arms = [a for a in range(len(block.arms)) if all((a, s) in validation for s in seeds)]
    if not arms:
        return []
    of_cells = [[validation[a, s] for s in seeds] for a in arms]
    part = part_of(block, [block.arms[a] for a in arms], block.seeds, block.classes)
    made = []
    for k in part.columns:
        known = [[~np.isnan(cell.truth[:, k]) for cell in of_arm] for of_arm in of_cells]
        cells = [
            [(cell.truth[rows, k], cell.scores[rows, k]) for cell, rows in zip(of_arm, of_rows, strict=True)]
            for of_arm, of_rows in zip(of_cells, known, strict=True)
        ]
        if all(0 < (truth == 1).sum() < len(truth) for of_arm in cells for truth, _ in of_arm):
            made += _of_class(part, k, cells)
    return made


def _of_class(
    block: Block, k: int, cells: Sequence[Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]
) -> list[OperatingPoint]:
    thresholds = np.array([[[fix(*cell) for cell in of_arm] for of_arm in cells] for fix in RULES.values()])
    positive, negative = block.truth[:, k] == 1, block.truth[:, k] == 0
    by_group = group_adder(block)
    of_kind = by_group(np.stack([positive, negative], axis=1))
    arms, seeds, refits = block.scores.shape[:3]
    shape = (len(RULES), len(RATES), arms, seeds)
    values, contributions = np.zeros((*shape, refits)), np.zeros((*shape, block.group_count))
    patients = np.zeros((*shape, refits), dtype=np.intp)
    for a, s, r in np.ndindex(arms, seeds, refits):
        called = block.scores[a, s, r, :, k, None].astype(np.float64) >= thresholds[:, a, s]
        sums = by_group(np.concatenate([called & positive[:, None], called & negative[:, None]], axis=1))
        for rule in range(len(RULES)):
            hits, false = sums[:, rule], sums[:, len(RULES) + rule]
            for rate, (right, of) in enumerate(_shares(hits, false, *of_kind.T)):
                total = of.sum()
                patients[rule, rate, a, s, r] = (of > 0).sum()
                values[rule, rate, a, s, r] = value = right.sum() / total if total else math.nan
                if total:
                    contributions[rule, rate, a, s] += (right - value * of) / total / refits
    return [
        _point(block, k, name, thresholds[at], cells, values[at], contributions[at], patients[at])
        for at, name in enumerate(RULES)
    ]


def _shares(hits: Floats, false: Floats, positives: Floats, negatives: Floats) -> tuple[tuple[Floats, Floats], ...]:
    """By patient, images that are called right, and images, of each of `RATES`."""
    right = negatives - false
    return (hits, positives), (right, negatives), (hits, hits + false), (right, right + positives - hits)


def _point(
    block: Block,
    k: int,
    rule: str,
    thresholds: Floats,
    cells: Sequence[Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]],
    values: Floats,
    contributions: Floats,
    patients: npt.NDArray[np.intp],
) -> OperatingPoint:
    scored = {
        name: scored_rate(block, f"{name} of {block.classes[k]}", values[at], contributions[at])
        for at, name in enumerate(RATES)
    }
    arms = range(len(block.arms))
    fewest = {name: patients[at].min(axis=(1, 2)) for at, name in enumerate(RATES)}
    pairs = list(combinations(arms, 2))
    shown = [(a, b) for a, b in pairs if a == 0 or len(pairs) <= MOST_PAIRS]
    validated = [[rates(*cell, thresholds[a, s]) for s, cell in enumerate(of_arm)] for a, of_arm in enumerate(cells)]
    return OperatingPoint(
        block,
        block.classes[k],
        rule,
        float(np.nanmean(block.truth[:, k])),
        thresholds,
        np.array(validated),
        {name: tuple(_share(scored[name], a, int(fewest[name][a])) for a in arms) for name in RATES},
        {name: np.isnan(values[at]).sum(axis=(1, 2)) for at, name in enumerate(RATES)},
        {(a, b): {name: _difference(scored[name], a, b) for name in COMPARED} for a, b in shown},
    )


def _share(rate: Scored, a: int, patients: int) -> Interval:
    return with_interval(rate, a, patients) if np.isfinite(rate.values[a]).all() else NONE


def _difference(rate: Scored, a: int, b: int) -> Interval:
    inference = rate.pair(a, b)
    return inference.estimate, *inference.interval()
