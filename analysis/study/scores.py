"""From a block of predictions to what inference needs: one value an (arm, seed), and their covariance over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Estimand
from analysis.statistics import auc, kernels
from analysis.statistics.inference import Inference, contrast, data_part, shared
from analysis.statistics.influence import influence
from analysis.statistics.power import Components
from analysis.study import bootstrap
from analysis.study.estimand import WORDS, answered, infer, overlap
from benchmark.metrics import Metric

Floats = npt.NDArray[np.float64]

AUROC = "auroc"  # the one metric whose covariance has a closed form over patients
RESAMPLES = 2000  # for the covariance of a metric that has no influence values, where none are handed over
VECTORS = 60  # score vectors whose placement values are computed at one time


@dataclass(frozen=True, eq=False)
class Scored:
    """A block's metric values.

    Attributes:
        block: where they come from.
        metric: which.
        values: (A, S), the mean over refits.
        covariance: (A * S, A * S) of the values over a new sample of patients, arm by arm.
        refits: (A, S, R) the values of every refit, where they are kept.
        contributions: (A * S, G) of the patients to the values, which the covariance is made from, in single precision
            as there are many; None where it is made from resamples.
    """

    block: Block
    metric: Metric
    values: Floats
    covariance: Floats
    refits: Floats | None = None
    contributions: npt.NDArray[np.float32] | None = None

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of arms (a, b) in the order of the tables."""
        return tuple(combinations(range(len(self.block.arms)), 2))

    def arm(self, a: int) -> Inference:
        """One arm's mean, about what is asked of the block."""
        refits = None if self.refits is None else self.refits[a]
        return infer(
            self.block, self.values[a], self.arm_covariance(a), refits, contributions=self.arm_contributions(a)
        )

    def pair(self, a: int, b: int, estimand: Estimand | None = None) -> Inference:
        """Arm b minus arm a, about what is asked of the block or about another estimand."""
        values, refits = self.values[b] - self.values[a], self._refits(a, b)
        first, second = self.arm_contributions(a), self.arm_contributions(b)
        contributions = None if first is None or second is None else second - first
        return infer(self.block, values, self.difference_covariance(a, b), refits, estimand, contributions)

    @property
    def estimand(self) -> str:
        """What `arm` and `pair` are about, in words."""
        return WORDS[answered(self.block)]

    def arm_covariance(self, a: int) -> Floats:
        """(S, S) covariance of arm a's values."""
        part = self._rows(a)
        return np.asarray(self.covariance[part, part])

    def pair_covariance(self, a: int, b: int) -> Floats:
        """(2S, 2S) covariance of arm a's values followed by arm b's."""
        rows = np.r_[self._rows(a), self._rows(b)]
        return np.asarray(self.covariance[np.ix_(rows, rows)])

    def difference_covariance(self, a: int, b: int) -> Floats:
        """(S, S) covariance of the seeds' differences b - a."""
        return contrast(self.pair_covariance(a, b), len(self.block.seeds))

    def components(self, a: int, b: int) -> Components:
        """The variance components of the difference b - a, from at least two seeds.

        The interaction is kept within the seeds' variance, so that the parts add up to the V that the tests use, but
        for what these add where samples overlap and the seeds' part is small (`inference.LEAST_DATA`).
        """
        values, covariance = self.values[b] - self.values[a], self.difference_covariance(a, b)
        variance, between = float(values.var(ddof=1)), shared(covariance)
        interaction = min(max(float(np.trace(covariance)) / len(values) - between, 0.0), variance)
        refits = self._refits(a, b)
        data = None if refits is None or refits.shape[1] == 1 else data_part(values, covariance, refits)
        return Components(variance - interaction, max(between, 0.0), interaction, overlap(self.block), data)

    def _refits(self, a: int, b: int) -> Floats | None:
        return None if self.refits is None else np.asarray(self.refits[b] - self.refits[a])

    def arm_contributions(self, a: int) -> Floats | None:
        """(S, G) of the patients to arm a's values, where they are kept."""
        return None if self.contributions is None else self.contributions[self._rows(a)].astype(np.float64)

    def _rows(self, a: int) -> slice:
        seeds = len(self.block.seeds)
        return slice(a * seeds, (a + 1) * seeds)


def score(
    block: Block, metric: Metric, replicates: Floats | None = None, root: np.random.SeedSequence | None = None
) -> Scored:
    """The metric of every (arm, seed), and their covariance over patients.

    AUROC has DeLong's covariance clustered by patient, the metrics of sums that of their influence values, the other
    ranking metrics that of a shared-weight bootstrap.

    Args:
        block: the predictions.
        metric: which.
        replicates: (B, A, S) of the bootstrap, where it was done already.
        root: of the bootstrap, where it is needed and was not done.
    """
    if metric.name == AUROC:
        return _auroc(block, metric)
    if metric.of_sums is not None:
        return score_sums(block, (metric,))[metric.name]
    if replicates is None:
        root = np.random.SeedSequence(0) if root is None else root
        replicates = bootstrap.replicate(block, (metric,), RESAMPLES, root).values[metric.name]
    flat = replicates.reshape(len(replicates), -1)
    covariance = np.atleast_2d(np.cov(flat, rowvar=False))
    refits = _ranking_values(block, metric)
    return Scored(block, metric, refits.mean(axis=2), covariance, refits)


def _auroc(block: Block, metric: Metric) -> Scored:
    arms, seeds, refits, images, width = block.scores.shape
    scores = block.scores.reshape(arms * seeds, refits, images, width)
    batch = max(1, VECTORS // refits)
    parts, areas = [], np.zeros((len(scores), refits))
    for k in block.columns:
        pieces = []
        # In batches, as midranks of many vectors at once would need several times the memory of the scores.
        for first in range(0, len(scores), batch):
            vectors = scores[first : first + batch, ..., k].reshape(-1, images)
            piece = auc.placements(block.truth[:, k], vectors, block.groups)
            areas[first : first + batch] += piece.auc.reshape(-1, refits) / len(block.columns)
            pieces.append(piece.averaged(refits))
        parts.append(auc.stack(pieces))
    values, covariance = auc.macro(parts)
    contributions = np.sum([part.positives + part.negatives for part in parts], axis=0) / len(parts)
    of_refits = areas.reshape(arms, seeds, refits)
    return Scored(block, metric, values.reshape(arms, seeds), covariance, of_refits, contributions.astype(np.float32))


def score_sums(block: Block, metrics: Sequence[Metric]) -> dict[str, Scored]:
    """`score` of several metrics of sums, reading every score vector once."""
    arms, seeds, refits, _, _ = block.scores.shape
    groups = block.group_count
    values = {metric.name: np.zeros((arms, seeds, refits)) for metric in metrics}
    contributions = {metric.name: np.zeros((arms, seeds, groups)) for metric in metrics}
    for a, s, r in np.ndindex(arms, seeds, refits):
        shared, own = bootstrap.grouped_parts(block, block.scores[a, s, r])
        for metric in metrics:
            value, contribution = influence(metric, shared, own)
            values[metric.name][a, s, r] = value
            contributions[metric.name][a, s] += contribution / refits
    scored = {}
    for metric in metrics:
        flat = contributions[metric.name].reshape(arms * seeds, groups)
        covariance = groups / (groups - 1) * (flat @ flat.T)
        of_refits = values[metric.name]
        single = flat.astype(np.float32)
        scored[metric.name] = Scored(block, metric, of_refits.mean(axis=2), covariance, of_refits, single)
    return scored


def _ranking_values(block: Block, metric: Metric) -> Floats:
    """(A, S, R) values of a ranking metric on the sample itself."""
    arms, seeds, refits, images, width = block.scores.shape
    vectors = block.scores.reshape(-1, images, width)
    ones = np.ones((images, 1), dtype=np.uint16)
    columns = [
        kernels.evaluate((metric,), kernels.sort(block.truth[:, k], vectors[:, :, k]), ones)[metric.name][:, 0]
        for k in block.columns
    ]
    return np.asarray(np.mean(columns, axis=0).reshape(arms, seeds, refits))


def without_groups(block: Block) -> Block:
    """The same block with every image counted as a patient of its own."""
    return replace(block, groups=np.arange(len(block.sample_ids)))


def ensemble(block: Block) -> Block:
    """The block of one model an arm: the mean score over seeds and refits. Another estimand than the mean seed's."""
    mean: npt.NDArray[Any] = block.scores.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return replace(block, seeds=(-1,), scores=mean)
