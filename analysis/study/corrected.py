"""Metrics of sums on scores as they are and corrected to the holdout's prior, with their common covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from analysis.predictions.block import Block
from analysis.statistics.inference import Inference
from analysis.study.priors import Correction, both
from analysis.study.scores import Scored, score_sums
from benchmark import metrics


@dataclass(frozen=True, eq=False)
class Corrected:
    """A block's metrics of sums, before and after.

    Attributes:
        correction: what was done.
        twice: metric -> values of the A arms as they are, then of the same arms corrected.
        scored: metric -> those corrected alone, under the arms' own names.
    """

    correction: Correction
    twice: Mapping[str, Scored]
    scored: Mapping[str, Scored]

    def change(self, metric: str, a: int) -> Inference:
        """Corrected less as it is, of the same models on the same patients."""
        return self.twice[metric].pair(a, a + len(self.correction.block.arms))


def corrected(block: Block, correction: Correction) -> Corrected:
    """Compute them for a block as it is, whose scores can be corrected."""
    of_sums = [metric for name in metrics.names() if (metric := metrics.find(name)).of_sums is not None]
    twice = score_sums(both(block, correction.block), of_sums)
    arms, seeds = len(block.arms), len(block.seeds)
    alone = {}
    for name, scored in twice.items():
        alone[name] = replace(
            scored,
            block=correction.block,
            values=scored.values[arms:],
            covariance=scored.covariance[arms * seeds :, arms * seeds :],
            refits=None if scored.refits is None else scored.refits[arms:],
            contributions=None if scored.contributions is None else scored.contributions[arms * seeds :],
        )
    return Corrected(correction, twice, alone)
