"""The arms of a block in order, each with the ranks that the data leave open to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.statistics.rank_sets import rank_sets, ranks
from analysis.study.scores import Scored

FEWEST_ARMS = 3  # of two, the comparison says all


@dataclass(frozen=True, slots=True)
class Ranked:
    """One arm among those of its block.

    Attributes:
        a: its position in the block.
        arm: its name.
        rank: 1 for the best mean.
        best, worst: ends of the simultaneous 95% confidence set of its rank.
    """

    a: int
    arm: str
    rank: int
    best: int
    worst: int

    @property
    def places(self) -> str:
        """The confidence set in words."""
        return str(self.best) if self.best == self.worst else f"{self.best} to {self.worst}"


def rankings(scored: Scored, alpha: float) -> list[Ranked]:
    """The arms from best to worst, about what is asked of the block; empty of two arms, and where nothing is tested.

    Args:
        scored: a metric's values.
        alpha: level of each interval: what a family or a look leaves to one comparison.
    """
    arms, sign = len(scored.block.arms), scored.metric.sign
    if arms < FEWEST_ARMS:
        return []
    low, high = np.zeros((arms, arms)), np.zeros((arms, arms))
    for a, b in scored.pairs:
        inference = scored.pair(a, b)
        if math.isnan(inference.p):
            return []
        ends = sorted(sign * end for end in inference.interval(1 - alpha))
        low[a, b], high[a, b] = ends
        low[b, a], high[b, a] = -ends[1], -ends[0]
    values = sign * scored.values.mean(axis=1)
    best, worst = rank_sets(low, high)
    order, place = np.argsort(-values, kind="stable"), ranks(values)
    return [Ranked(int(a), scored.block.arms[a], int(place[a]), int(best[a]), int(worst[a])) for a in order]
