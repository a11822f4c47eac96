"""Bootstrap weights over patients, in chunks: the same weights for every arm, seed and metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics import kernels
from analysis.statistics.groups import group_count

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Counts = npt.NDArray[np.uint16]

CHUNK = 64  # resamples drawn and evaluated together
MOST_REDRAWS = 1000


@dataclass(frozen=True, eq=False)
class Scheme:
    """What is resampled, and what a resample must still contain.

    Attributes:
        strata: the group codes of every stratum, resampled among themselves: a stratum a class where every group is of
            one class, else a single one.
        needed: (G, Q) what must have a positive total in every resample: a group's number of positives and of
            negatives of every class or label. Q is 0 where the strata see to that.
    """

    strata: tuple[Integers, ...]
    needed: Floats

    @property
    def count(self) -> int:
        """G, the number of groups."""
        return len(self.needed)


def scheme(truth: Floats, groups: Integers) -> Scheme:
    """How to resample a holdout: within classes where every group is of one class, and every class kept present.

    Args:
        truth: (N, K) one-hot, or 0/1 with NaN for unknown labels.
        groups: (N,) codes 0..G-1.
    """
    count = group_count(groups)
    positives = np.zeros((count, truth.shape[1]))
    negatives = np.zeros_like(positives)
    np.add.at(positives, groups, truth == 1)
    np.add.at(negatives, groups, truth == 0)
    one_hot = not np.isnan(truth).any() and bool((truth.sum(axis=1) == 1).all())
    if one_hot and bool(((positives > 0).sum(axis=1) == 1).all()):
        of_class = positives.argmax(axis=1)
        strata = tuple(np.flatnonzero(of_class == k).astype(np.intp) for k in np.unique(of_class))
        if len(strata) == truth.shape[1]:
            return Scheme(strata, np.empty((count, 0)))
    else:
        strata = (np.arange(count, dtype=np.intp),)
    return Scheme(strata, np.concatenate([positives, negatives], axis=1))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some resamples.

    Attributes:
        weights: (G, L) how often each group was drawn.
        redrawn: resamples that lacked a class and were drawn again.
    """

    weights: Counts
    redrawn: int


def chunks(resamples: int, root: np.random.SeedSequence) -> Iterator[tuple[int, np.random.SeedSequence]]:
    """(L, stream) of every chunk: each has its own stream, so chunks may be made in any order.

    Args:
        resamples: B, the sum of the L.
        root: of the streams.
    """
    number = -(-resamples // CHUNK)
    # Children are named, not spawned: spawning would make a second call with the same root differ from the first.
    for index in range(number):
        stream = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, index))
        yield min(CHUNK, resamples - index * CHUNK), stream


def draw(scheme: Scheme, size: int, stream: np.random.SeedSequence) -> Chunk:
    """Multinomial weights of `size` resamples of the groups, within their strata.

    Raises:
        ValueError: resamples keep lacking a class: it has too few groups to be resampled.
    """
    rng = np.random.Generator(np.random.SFC64(stream))  # most of a bootstrap's time is spent on drawing
    weights = _multinomial(scheme, size, rng)
    redrawn = 0
    for _ in range(MOST_REDRAWS):
        bad = np.flatnonzero((weights.T.astype(np.float64) @ scheme.needed <= 0).any(axis=1))
        if not len(bad):
            return Chunk(weights, redrawn)
        redrawn += len(bad)
        weights[:, bad] = _multinomial(scheme, len(bad), rng)
    raise ValueError("bootstrap resamples keep lacking a class: it has too few patients")


def _multinomial(scheme: Scheme, size: int, rng: np.random.Generator) -> Counts:
    """(G, L) times that each group is drawn, L = `size`, without regard to what is needed."""
    weights = np.zeros((scheme.count, size), dtype=np.uint16)
    for stratum in scheme.strata:
        members = len(stratum)
        words = rng.integers(0, 2**64, size=(size, -(-members // 2)), dtype=np.uint64)
        kernels.count(words.view(np.uint32)[:, :members], stratum, weights)
    return weights
