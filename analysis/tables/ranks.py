"""Ranks of the arms over many data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.statistics.ranks import FEWEST, critical_difference, friedman
from analysis.study.scores import Scored
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "ranks"
ORDER = 35
CHAPTER = "Main results"
TITLE = "Ranks over the data sets"
CAPTION = (
    "Mean rank of every arm (1 is best) over the data sets that have this n, for the arms that all of them have. p: "
    "Iman and Davenport's, that all arms rank the same. Two arms differ where their mean ranks are further apart than "
    "the critical difference (Nemenyi, 5%)."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row for each n and arm; None where no n has six data sets and two arms in common."""
    by_n: dict[int, list[Scored]] = {}
    for scored in study.scored:
        by_n.setdefault(scored.block.n_per_class, []).append(scored)
    rows = [row for n in sorted(by_n) for row in _rows(n, by_n[n])]
    return pd.DataFrame(rows) if rows else None


def _rows(n: int, family: Sequence[Scored]) -> Iterator[Row]:
    """Those of one n, from one block a data set."""
    arms = [arm for arm in family[0].block.arms if all(arm in scored.block.arms for scored in family)]
    if len(family) < FEWEST or len(arms) < 2:
        return
    means = [
        [scored.metric.sign * scored.values[scored.block.arms.index(arm)].mean() for arm in arms] for scored in family
    ]
    ranks, _, p = friedman(np.array(means, dtype=np.float64))
    for arm, rank in zip(arms, ranks, strict=True):
        yield {
            "n_per_class": n,
            "metric": family[0].metric.name,
            "arm": arm,
            "datasets": len(family),
            "mean_rank": float(rank),
            "p": p,
            "critical_difference": critical_difference(len(family), len(arms)),
        }
