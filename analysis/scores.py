"""From a block of predictions to what inference needs: one value an (arm, seed), and their covariance over patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.auc import macro_auc
from analysis.inference import Inference, difference, joint
from analysis.predictions import Block
from benchmark.errors import unknown_name

Floats = npt.NDArray[np.float64]

METRICS = ("auroc",)


@dataclass(frozen=True)
class Scored:
    """A block's metric values.

    Attributes:
        block: where they come from.
        metric: its name.
        values: (A, S), the mean over refits.
        covariance: (A * S, A * S) over a new sample of patients, arm by arm.
    """

    block: Block
    metric: str
    values: Floats
    covariance: Floats

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of arms (a, b) in the order of the tables."""
        return tuple(combinations(range(len(self.block.arms)), 2))

    def arm(self, a: int, rho: float | None = None) -> Inference:
        """One arm's mean, for new seeds and new patients."""
        seeds = len(self.block.seeds)
        part = slice(a * seeds, (a + 1) * seeds)
        return joint(self.values[a], self.covariance[part, part], self.block.rho if rho is None else rho)

    def pair(self, a: int, b: int, rho: float | None = None) -> Inference:
        """Arm b minus arm a."""
        return difference(
            self.values[a], self.values[b], self.pair_covariance(a, b), self.block.rho if rho is None else rho
        )

    def pair_covariance(self, a: int, b: int) -> Floats:
        """(2S, 2S) covariance of arm a's values followed by arm b's."""
        seeds = len(self.block.seeds)
        rows = np.r_[a * seeds : (a + 1) * seeds, b * seeds : (b + 1) * seeds]
        return np.asarray(self.covariance[np.ix_(rows, rows)])


def score(block: Block, metric: str) -> Scored:
    """The metric of every (arm, seed).

    Raises:
        InputError: an unknown metric.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    arms, seeds, refits, images, _ = block.scores.shape
    columns = list(block.columns)
    scores = block.scores[..., columns].reshape(arms * seeds * refits, images, len(columns))
    values, covariance = macro_auc(block.truth[:, columns], scores, block.groups, repeats=refits)
    return Scored(block, metric, values.reshape(arms, seeds), covariance)


def without_groups(block: Block) -> Block:
    """The same block with every image counted as a patient of its own."""
    return replace(block, groups=np.arange(len(block.sample_ids)))


def ensemble(block: Block) -> Block:
    """The block of one model an arm: the mean score over seeds and refits. Another estimand than the mean seed's."""
    return replace(block, seeds=(-1,), scores=block.scores.mean(axis=(1, 2), keepdims=True))
