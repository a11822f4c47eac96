"""The shared-weight bootstrap over patients, two-level with seeds, and intervals from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis import kernels, metrics, resampling

if TYPE_CHECKING:
    from analysis.blocks import Block

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
    names: Sequence[str],
    resamples: int,
    root: np.random.SeedSequence,
    workers: int | None = None,
) -> Replicates:
    """Bootstrap the metrics of a block.

    Args:
        block: the predictions.
        names: metrics.
        resamples: B.
        root: of the weights. Blocks with the same holdout and root get the same weights.
        workers: threads, as many as `threads()` where None; their number does not change the result.
    """
    arms, seeds, refits, images, _ = block.scores.shape
    vectors = block.scores.reshape(arms * seeds * refits, images, -1)
    how = resampling.plan(block.truth, block.groups)
    jobs = list(resampling.chunks(how, resamples, root))
    found = {name: np.empty((len(vectors), resamples)) for name in names}
    redrawn = 0
    for first in range(0, len(vectors), VECTORS):
        part = slice(first, first + VECTORS)
        prepared = _prepare(block, vectors[part], names)

        def work(number: int, prepared: _Prepared = prepared) -> tuple[int, dict[str, Floats], int]:
            size, stream = jobs[number]
            chunk = resampling.draw(how, size, stream)
            return number, _evaluate(prepared, chunk.weights, block.groups), chunk.redrawn

        with ThreadPoolExecutor(workers or threads()) as pool:
            redrawn = 0
            for number, values, again in pool.map(work, range(len(jobs))):
                start = number * resampling.CHUNK
                for name, each in values.items():
                    found[name][part, start : start + each.shape[1]] = each
                redrawn += again
    shaped = {name: each.reshape(arms, seeds, refits, resamples).mean(axis=2) for name, each in found.items()}
    return Replicates({name: np.ascontiguousarray(np.moveaxis(each, 2, 0)) for name, each in shaped.items()}, redrawn)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Sorted scores of every ranked class, and image sums within groups, of some vectors."""

    ranking: tuple[str, ...]
    ranked: tuple[kernels.Sorted, ...]
    summed: tuple[str, ...]
    shared: Floats  # (G, Q * K)
    own: Floats  # (G, M * Q * (2K + 2))
    problems: int
    count: int


def _prepare(block: Block, vectors: npt.NDArray[Any], names: Sequence[str]) -> _Prepared:
    ranking = tuple(name for name in names if metrics.METRICS[name].kind != "sums")
    summed = tuple(name for name in names if metrics.METRICS[name].kind == "sums")
    ranked = tuple(kernels.sort(block.truth[:, k], vectors[:, :, k]) for k in block.columns) if ranking else ()
    groups = int(block.groups.max()) + 1
    shared, own, problems = np.zeros((groups, 0)), np.zeros((groups, 0)), 0
    if summed:
        each = [grouped_parts(block, vector) for vector in vectors]
        problems = each[0][0].shape[1]
        shared = each[0][0].reshape(groups, -1)
        own = np.stack([parts[1].reshape(groups, -1) for parts in each], axis=1).reshape(groups, -1)
    return _Prepared(ranking, ranked, summed, shared, own, problems, len(vectors))


def threads() -> int:
    """How many threads to use: the kernels let go of the interpreter's lock. At most four."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, available))


def grouped_parts(block: Block, vector: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """`metrics.parts` of one (N, K) score vector, summed within groups: (G, Q, K) and (G, Q, 2K + 2)."""
    shared, own = metrics.parts(block.task, block.truth, vector)
    count = int(block.groups.max()) + 1
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
    found: dict[str, Floats] = {}
    if prepared.ranking:
        of_images = weights[groups]
        columns = [kernels.evaluate(prepared.ranking, ranked, of_images) for ranked in prepared.ranked]
        for name in prepared.ranking:
            found[name] = np.mean([column[name] for column in columns], axis=0)
    if prepared.summed:
        as_floats = weights.T.astype(np.float64)
        size = len(as_floats)
        shared = (as_floats @ prepared.shared).reshape(size, 1, prepared.problems, -1)
        own = (as_floats @ prepared.own).reshape(size, prepared.count, prepared.problems, -1)
        sums = metrics.join(shared, own)
        for name in prepared.summed:
            found[name] = metrics.value(name, sums).T
    return found


def seed_weights(seeds: int, resamples: int, root: np.random.SeedSequence) -> Floats:
    """(B, S) shares of the seeds in each resample of the two-level bootstrap; the same for every arm."""
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
    """Percentile interval of (B,) replicates; p = 2 (k + 1) / (B + 1), at most 1 (Davison and Hinkley 1997,
    4.2).

    k counts the replicates on the other side of zero; one exactly at zero counts on both.
    """
    low, high = np.quantile(replicates, [0.5 - level / 2, 0.5 + level / 2])
    k = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    p = min(1.0, 2 * (k + 1) / (len(replicates) + 1))
    return Interval(float(low), float(high), float(replicates.std(ddof=1)), p)


def bca(replicates: Floats, estimate: float, influence: Floats, level: float = 0.95) -> tuple[float, float]:
    """Bias-corrected and accelerated interval (Efron, JASA 1987).

    Args:
        replicates: (B,).
        estimate: on the whole sample.
        influence: (G,) contributions of the groups; the acceleration comes from their skewness, so that
            nothing is
            computed again without each group in turn.
        level: of confidence.
    """
    from scipy.stats import norm

    share = (np.sum(replicates < estimate) + 0.5 * np.sum(replicates == estimate)) / len(replicates)
    if not 0 < share < 1:
        return float(estimate), float(estimate)
    bias = norm.ppf(share)
    scale = np.sum(influence**2) ** 1.5
    acceleration = np.sum(influence**3) / (6 * scale) if scale > 0 else 0.0
    z = bias + norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    low, high = np.quantile(replicates, norm.cdf(bias + z / (1 - acceleration * z)))
    return float(low), float(high)
