"""The shared-weight bootstrap over patients, two-level with seeds, and intervals from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics import kernels, resampling
from analysis.statistics.influence import of_sums
from analysis.study.threads import threads
from benchmark.metrics import Metric
from benchmark.sums import join, parts

Floats = npt.NDArray[np.float64]

VECTORS = 64  # score vectors held sorted at one time: bounds the memory of designs with many arms


@dataclass(frozen=True, eq=False)
class Replicates:
    """Metrics of every (arm, seed) under the same resamples of the patients.

    Attributes:
        values: metric -> (B, A, S), refits averaged.
        redrawn: resamples that lacked a class and were drawn again.
    """

    values: Mapping[str, Floats]
    redrawn: int


def replicate(
    block: Block,
    metrics: Sequence[Metric],
    resamples: int,
    root: np.random.SeedSequence,
    workers: int | None = None,
) -> Replicates:
    """Bootstrap the metrics of a block.

    Args:
        block: the predictions.
        metrics: which, at least one.
        resamples: B.
        root: of the weights' streams. Blocks with the same holdout and root get the same weights.
        workers: threads, as many as `threads()` where None; their number does not change the result.
    """
    arms, seeds, refits, images, _ = block.scores.shape
    vectors = block.scores.reshape(arms * seeds * refits, images, -1)
    scheme = resampling.scheme(block.truth, block.groups)
    jobs = list(resampling.chunks(resamples, root))
    replicates = {metric.name: np.empty((len(vectors), resamples)) for metric in metrics}
    redrawn = 0
    for first in range(0, len(vectors), VECTORS):
        part = slice(first, first + VECTORS)
        prepared = _prepare(block, vectors[part], metrics)

        def work(number: int, prepared: _Prepared = prepared) -> tuple[int, dict[str, Floats], int]:
            size, stream = jobs[number]
            chunk = resampling.draw(scheme, size, stream)
            return number, _evaluate(prepared, chunk.weights, block.groups), chunk.redrawn

        with ThreadPoolExecutor(workers or threads()) as pool:
            redrawn = 0
            for number, values, again in pool.map(work, range(len(jobs))):
                start = number * resampling.CHUNK
                for name, drawn in values.items():
                    replicates[name][part, start : start + drawn.shape[1]] = drawn
                redrawn += again
    averaged = {name: drawn.reshape(arms, seeds, refits, resamples).mean(axis=2) for name, drawn in replicates.items()}
    return Replicates({name: np.ascontiguousarray(np.moveaxis(mean, 2, 0)) for name, mean in averaged.items()}, redrawn)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Some score vectors, made ready for many resamples.

    Attributes:
        ranking, summed: the metrics of each kind.
        ranked: the vectors sorted, one entry a ranked class or label.
        shared, counts, amounts: (G, Q * K), (G, M * Q * 2K) and (G, M * Q * 2) sums within groups: of
            `benchmark.sums.parts` what all vectors share, the counts of images and the other sums.
        problems: Q.
        count: M, the vectors.
    """

    ranking: tuple[Metric, ...]
    ranked: tuple[kernels.Sorted, ...]
    summed: tuple[Metric, ...]
    shared: Floats
    counts: npt.NDArray[np.floating[Any]]
    amounts: Floats
    problems: int
    count: int


def _prepare(block: Block, vectors: npt.NDArray[Any], metrics: Sequence[Metric]) -> _Prepared:
    """(M, N, K) vectors, ready for the metrics."""
    ranking = tuple(metric for metric in metrics if metric.of_sums is None)
    summed = tuple(metric for metric in metrics if metric.of_sums is not None)
    ranked = tuple(kernels.sort(block.truth[:, k], vectors[:, :, k]) for k in block.columns) if ranking else ()
    groups = block.group_count
    shared: Floats = np.zeros((groups, 0))
    counts: npt.NDArray[np.floating[Any]] = shared
    amounts, problems = shared, 0
    if summed:
        shared = grouped_parts(block, vectors[0])[0]
        problems, classes = shared.shape[1], shared.shape[2]
        # Numbers of images are whole, and as floats of 32 bits are summed in half the time, exactly up to 2^24.
        exact = groups * np.bincount(block.groups).max() < 2**24
        counts = np.empty((groups, len(vectors), problems, 2 * classes), dtype=np.float32 if exact else np.float64)
        amounts = np.empty((groups, len(vectors), problems, 2))
        for number, vector in enumerate(vectors):
            own = grouped_parts(block, vector)[1]
            counts[:, number], amounts[:, number] = own[..., : 2 * classes], own[..., 2 * classes :]
    flat = shared.reshape(groups, -1), counts.reshape(groups, -1), amounts.reshape(groups, -1)
    return _Prepared(ranking, ranked, summed, *flat, problems, len(vectors))


def grouped_parts(block: Block, vector: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """`benchmark.sums.parts` of one (N, K) score vector, summed within groups: (G, Q, K) and (G, Q, 2K + 2)."""
    shared, own = parts(block.task, block.truth, vector)
    count = block.group_count
    if count == len(block.groups):  # a group an image: summing is a permutation
        order = np.empty(count, dtype=np.intp)
        order[block.groups] = np.arange(count)
        return shared[order], own[order]
    sums = []
    for values in (shared, own):
        summed = np.zeros((count, *values.shape[1:]))
        np.add.at(summed, block.groups, values)
        sums.append(summed)
    return sums[0], sums[1]


def _evaluate(prepared: _Prepared, weights: resampling.Counts, groups: npt.NDArray[np.intp]) -> dict[str, Floats]:
    """metric -> (M, L) under weights (G, L)."""
    values: dict[str, Floats] = {}
    if prepared.ranking:
        of_images = weights[groups]
        columns = [kernels.evaluate(prepared.ranking, ranked, of_images) for ranked in prepared.ranked]
        for metric in prepared.ranking:
            values[metric.name] = np.mean([column[metric.name] for column in columns], axis=0)
    if prepared.summed:
        as_floats = weights.T.astype(np.float64)
        of_vectors = (len(as_floats), prepared.count, prepared.problems, -1)
        shared = (as_floats @ prepared.shared).reshape(len(as_floats), 1, prepared.problems, -1)
        counts = (as_floats.astype(prepared.counts.dtype) @ prepared.counts).reshape(of_vectors)
        amounts = (as_floats @ prepared.amounts).reshape(of_vectors)
        sums = join(shared, np.concatenate([counts, amounts], axis=-1))
        for metric in prepared.summed:
            values[metric.name] = of_sums(metric, sums).T
    return values


def seed_weights(seeds: int, resamples: int, root: np.random.SeedSequence) -> Floats:
    """(B, S) shares of the seeds in the resamples of the two-level bootstrap; the same for every arm."""
    rng = np.random.default_rng(root)
    return np.asarray(rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds)


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval, with the bootstrap's standard error and p-value of zero."""

    low: float
    high: float
    se: float
    p: float


def percentile(replicates: Floats, level: float = 0.95) -> Interval:
    """Percentile interval of (B,) replicates; p = 2 (k + 1) / (B + 1), at most 1 (Davison and Hinkley 1997, 4.2).

    k counts the replicates on the other side of zero; one exactly at zero counts on both.
    """
    low, high = np.quantile(replicates, [0.5 - level / 2, 0.5 + level / 2])
    k = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    p = min(1.0, 2 * (k + 1) / (len(replicates) + 1))
    return Interval(float(low), float(high), float(replicates.std(ddof=1)), p)
