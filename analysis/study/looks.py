"""The comparisons at every look of a plan that was locked with looks, up to the present one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.predictions.block import Block
from analysis.statistics.equivalence import ALPHA
from analysis.statistics.multiplicity import family
from analysis.statistics.sequential import Decided, Looks, over_looks
from analysis.study.comparison import Comparison, compare_all
from analysis.study.scores import Scored
from benchmark.errors import InputError


def compare_at_looks(scored: Sequence[Scored], margin: float, looks: Looks) -> tuple[tuple[Comparison, ...], ...]:
    """Every pair of arms at every look so far, the present one last; all looks together are one family.

    A comparison's p-values are those over the looks (`analysis.statistics.sequential`), corrected as `compare_all`
    does. An earlier look is computed again from its seeds, so that it counts whether or not anybody took it.

    Args:
        scored: one metric of several blocks, all of `looks.at` seeds.
        margin: of equivalence.
        looks: planned, and reached.
    """
    taken = [
        compare_all([member if count == looks.at else first_seeds(member, count) for member in scored], margin)
        for count in looks.reached
    ]
    different = over_looks(np.array([[c.inference.p for c in look] for look in taken]), looks.levels)
    within = over_looks(np.array([[c.equivalence.tost_p for c in look] for look in taken]), looks.levels)
    decided: dict[int, Decided] = {}
    steps = []
    for step, count in enumerate(looks.reached):
        adjusted = np.array(family(list(different[step]), list(within[step])))
        made = []
        for i, comparison in enumerate(taken[step]):
            if i not in decided and (adjusted[:, i] < ALPHA).any():
                decided[i] = Decided(count, comparison.inference)
            made.append(
                replace(
                    comparison,
                    adjusted_p=float(adjusted[0, i]),
                    equivalent_p=float(adjusted[1, i]),
                    looks=Looks(looks.seeds, count),
                    decided=decided.get(i),
                )
            )
        steps.append(tuple(made))
    return tuple(steps)


def first_seeds(scored: Scored, count: int) -> Scored:
    """The same metric of the first `count` training seeds alone."""
    block, arms = scored.block, len(scored.block.arms)
    rows = np.arange(arms * len(block.seeds)).reshape(arms, -1)[:, :count].ravel()
    return replace(
        scored,
        block=replace(block, seeds=block.seeds[:count], scores=block.scores[:, :count]),
        values=scored.values[:, :count],
        covariance=scored.covariance[np.ix_(rows, rows)],
        refits=None if scored.refits is None else scored.refits[:, :count],
        contributions=None if scored.contributions is None else scored.contributions[rows],
    )


def look_of(planned: tuple[int, ...], blocks: Sequence[Block], described: Mapping[str, Any]) -> Looks | None:
    """The look of a plan that some blocks are; None where they are none of them.

    Args:
        planned: numbers of seeds of the plan's looks.
        blocks: what is analysed.
        described: the run's spec.json; empty where only predictions are at hand.

    Raises:
        InputError: the seeds have gaps, or a block of the run has no cells yet: a look is at the seeds and the family
            that were planned, not at what happened to be finished first.
    """
    counts = {len(block.seeds) for block in blocks}
    if len(counts) > 1 or not counts <= set(planned):
        return None
    spec = described.get("spec", {})
    (count,) = counts
    for block in blocks:
        start = 0 if spec else block.seeds[0]
        if block.seeds != tuple(range(start, start + count)):
            raise InputError(
                f"{block.dataset}, n = {block.n_per_class}: the seeds are {', '.join(map(str, block.seeds))}, which "
                "leaves some out. A look must be at the first seeds, not at those that were finished first: finish the "
                "others, or report without the plan."
            )
    there = {(block.dataset, block.n_per_class, arm) for block in blocks for arm in block.arms}
    missing = [
        f"{dataset}/n{n}/{arm}"
        for dataset in spec.get("datasets", ())
        for n in spec.get("n_per_class", ())
        for arm in spec.get("arms", ())
        if (dataset, n, arm) not in there
    ]
    if missing:
        raise InputError(
            f"a look needs the first {count} seeds of all that the run compares, as they are one family: "
            f"{', '.join(missing[:10])} {'has' if len(missing) == 1 else 'have'} none. Finish them first."
        )
    return Looks(planned, count)


def caution(planned: tuple[int, ...], blocks: Sequence[Block], ordered: int | None, limited: bool) -> str | None:
    """A sentence on a report before the end that no plan foresees; None where this is none.

    Args:
        planned: numbers of seeds of the plan's looks; empty where there is no such plan.
        blocks: what is analysed, and no look of the plan.
        ordered: seeds of the run that made the predictions; None where that is not known.
        limited: whether only the first seeds were asked for.
    """
    counts = sorted({len(block.seeds) for block in blocks})
    seeds = " and ".join(map(str, counts)) + " training seeds"
    if planned:
        return (
            f"Exploratory: the plan looks at {_listed(planned)} seeds, and these are {seeds}. p-values and intervals "
            "are those of a single look, without the level that is spent at the planned ones: no claim of this report "
            "counts as one of the study."
        )
    if not limited if ordered is None else counts[0] >= ordered:
        return None
    of_all = f" of {ordered}" if ordered is not None and ordered > counts[-1] else ""
    return (
        f"Exploratory, before the end: {seeds}{of_all}. No locked plan foresees this look, and looking costs error: "
        "who stops where something is found, and goes on where nothing is, claims falsely more often than the p-values "
        "say (two to three times as often with looks at 3, 5 and 10 seeds). python -m analysis.plan --lock FILE "
        "--looks 3,5,10, before training, allows for it."
    )


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, numbers[:-1])), str(numbers[-1])]))
