"""From a block of predictions to what inference needs: one value an (arm, seed), and their covariance over
patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis import auc, bootstrap, metrics
from analysis.blocks import Block
from analysis.inference import Inference, difference, joint
from benchmark.errors import unknown_name

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000  # for the covariance of a metric that has no influence values, where none are handed over
VECTORS = 60  # score vectors whose AUROC components are computed at one time


@dataclass(frozen=True, eq=False)
class Scored:
    """A block's metric values.

    Attributes:
        block: where they come from.
        metric: which.
        values: (A, S), the mean over refits.
        covariance: (A * S, A * S) over a new sample of patients, arm by arm.
    """

    block: Block
    metric: metrics.Metric
    values: Floats
    covariance: Floats

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of arms (a, b) in the order of the tables."""
        return tuple(combinations(range(len(self.block.arms)), 2))

    def arm(self, a: int, rho: float | None = None) -> Inference:
        """One arm's mean, for new seeds and new patients."""
        return joint(self.values[a], self.arm_covariance(a), self.block.rho if rho is None else rho)

    def pair(self, a: int, b: int, rho: float | None = None) -> Inference:
        """Arm b minus arm a."""
        return difference(
            self.values[a], self.values[b], self.pair_covariance(a, b), self.block.rho if rho is None else rho
        )

    def arm_covariance(self, a: int) -> Floats:
        """(S, S) covariance of arm a's values."""
        part = self._rows(a)
        return np.asarray(self.covariance[part, part])

    def pair_covariance(self, a: int, b: int) -> Floats:
        """(2S, 2S) covariance of arm a's values followed by arm b's."""
        rows = np.r_[self._rows(a), self._rows(b)]
        return np.asarray(self.covariance[np.ix_(rows, rows)])

    def _rows(self, a: int) -> slice:
        seeds = len(self.block.seeds)
        return slice(a * seeds, (a + 1) * seeds)


def score(
    block: Block, name: str, replicates: Floats | None = None, root: np.random.SeedSequence | None = None
) -> Scored:
    """The metric of every (arm, seed), and their covariance over patients.

    AUROC has DeLong's covariance clustered by patient, the sum metrics that of their influence values, the
    other ranking metrics that of a shared-weight bootstrap.

    Args:
        block: the predictions.
        name: of the metric.
        replicates: (B, A, S) of the bootstrap, where it was done already.
        root: of the bootstrap, where it is needed and was not done.

    Raises:
        InputError: an unknown metric.
    """
    if name not in metrics.METRICS:
        raise unknown_name("metric", name, metrics.METRICS)
    metric = metrics.METRICS[name]
    if metric.kind == "auroc":
        return _auroc(block, metric)
    if metric.kind == "sums":
        return score_sums(block, (name,))[name]
    if replicates is None:
        root = np.random.SeedSequence(0) if root is None else root
        replicates = bootstrap.replicate(block, (name,), RESAMPLES, root).values[name]
    flat = replicates.reshape(len(replicates), -1)
    covariance = np.atleast_2d(np.cov(flat, rowvar=False))
    return Scored(block, metric, _ranking_values(block, name), covariance)


def _auroc(block: Block, metric: metrics.Metric) -> Scored:
    arms, seeds, refits, images, width = block.scores.shape
    scores = block.scores.reshape(arms * seeds, refits, images, width)
    batch = max(1, VECTORS // refits)
    parts = []
    for k in block.columns:
        # In batches, as midranks of many vectors at once would need several times the memory of the scores.
        pieces = [
            auc.components(
                block.truth[:, k], scores[first : first + batch, ..., k].reshape(-1, images), block.groups
            ).averaged(refits)
            for first in range(0, len(scores), batch)
        ]
        parts.append(auc.stack(pieces))
    values, covariance = auc.macro(parts)
    return Scored(block, metric, values.reshape(arms, seeds), covariance)


def score_sums(block: Block, names: Sequence[str]) -> dict[str, Scored]:
    """`score` of several sum metrics, reading every score vector once."""
    arms, seeds, refits, _, _ = block.scores.shape
    groups = int(block.groups.max()) + 1
    values = {name: np.zeros((arms, seeds)) for name in names}
    contributions = {name: np.zeros((arms, seeds, groups)) for name in names}
    for a, s, r in np.ndindex(arms, seeds, refits):
        shared, own = bootstrap.grouped_parts(block, block.scores[a, s, r])
        for name in names:
            at, each = metrics.influence(name, shared, own)
            values[name][a, s] += at / refits
            contributions[name][a, s] += each / refits
    found = {}
    for name in names:
        flat = contributions[name].reshape(arms * seeds, groups)
        found[name] = Scored(block, metrics.METRICS[name], values[name], groups / (groups - 1) * (flat @ flat.T))
    return found


def _ranking_values(block: Block, name: str) -> Floats:
    from analysis import kernels

    arms, seeds, refits, images, width = block.scores.shape
    vectors = block.scores.reshape(-1, images, width)
    ones = np.ones((images, 1), dtype=np.uint16)
    columns = [
        kernels.evaluate((name,), kernels.sort(block.truth[:, k], vectors[:, :, k]), ones)[name][:, 0]
        for k in block.columns
    ]
    return np.asarray(np.mean(columns, axis=0).reshape(arms, seeds, refits).mean(axis=2))


def without_groups(block: Block) -> Block:
    """The same block with every image counted as a patient of its own."""
    return replace(block, groups=np.arange(len(block.sample_ids)))


def ensemble(block: Block) -> Block:
    """The block of one model an arm: the mean score over seeds and refits. Another estimand than the mean
    seed's."""
    mean: npt.NDArray[Any] = block.scores.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return replace(block, seeds=(-1,), scores=mean)
