"""Weighted ranking metrics of many resamples at once, in O(N) a resample on scores sorted beforehand.

The weights of L resamples lie side by side, so that one walk through the sorted images serves all of them.
Compiled by numba where it is installed; the NumPy path gives the same numbers (sums of integer weights are
exact).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics import Metric

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Counts = npt.NDArray[np.unsignedinteger[Any]]

COMPILED = ("auroc", "average_precision", "sensitivity_at_90_specificity")  # as `compiled.ranking` takes them


@dataclass(frozen=True, eq=False)
class Sorted:
    """Score vectors of one class or label, sorted once.

    Attributes:
        images: (M, n) the known images of each vector by falling score.
        positive: (M, n) whether each image is positive.
        ends: (M, n) whether each image is the last of those with its score.
    """

    images: npt.NDArray[np.int32]
    positive: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]


def sort(truth: Floats, scores: npt.NDArray[np.floating[Any]]) -> Sorted:
    """Sort score vectors.

    Args:
        truth: (N,) 1, 0, or NaN for unknown images, which are left out.
        scores: (M, N), higher for more likely positive.
    """
    known = np.flatnonzero(~np.isnan(truth))
    kept = scores[:, known]
    order = np.argsort(-kept, axis=1, kind="stable")
    ordered = np.take_along_axis(kept, order, axis=1)
    ends = np.ones(ordered.shape, dtype=np.bool_)
    ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    images = known[order]
    return Sorted(images.astype(np.int32), truth[images] > 0.5, ends)


def evaluate(
    metrics: Sequence[Metric], vectors: Sorted, weights: Counts, compiled: bool | None = None
) -> dict[str, Floats]:
    """Ranking metrics of every vector under every resample.

    Args:
        metrics: those to evaluate; each has a `ranked` formula.
        vectors: M sorted score vectors.
        weights: (N, L) of the images; every column must weigh at least one positive and one negative.
        compiled: with numba or without; None takes it where it is installed. A metric without a compiled kernel is
            evaluated by its formula.

    Returns:
        Metric's name -> (M, L).
    """
    use = has_numba() if compiled is None else compiled
    values = {metric.name: np.empty((len(vectors.images), weights.shape[1])) for metric in metrics}
    if use:
        small = weights.astype(np.uint8) if weights.max(initial=0) < 256 else weights  # a quarter of the traffic
        _walk(vectors, np.ascontiguousarray(small), values)
    for metric in metrics:
        if use and metric.name in COMPILED:
            continue
        assert metric.ranked is not None
        for vector in range(len(vectors.images)):
            values[metric.name][vector] = metric.ranked(*_weights_at_scores(vectors, vector, weights))
    return values


def count(bits: npt.NDArray[np.uint32], members: Integers, weights: Counts, compiled: bool | None = None) -> None:
    """Draw members with replacement, and add to `weights` (G, L) how often each was drawn.

    Args:
        bits: (L, n) random words, one a draw. The word x draws the member at floor(n x / 2^32): with one million
            members no chance is off by more than one part in 4,000.
        members: (n,) rows of `weights`.
        weights: (G, L), changed in place.
        compiled: as in `evaluate`.
    """
    if has_numba() if compiled is None else compiled:
        from analysis.statistics import compiled as kernels

        kernels.count(bits, members, weights)
        return
    size, n = len(bits), len(members)
    drawn = (bits.astype(np.uint64) * np.uint64(n)) >> np.uint64(32)
    flat = drawn.astype(np.int64) + n * np.arange(size)[:, None]
    weights[members] += np.bincount(flat.ravel(), minlength=size * n).reshape(size, n).T.astype(np.uint16)


@cache
def has_numba() -> bool:
    """Whether numba can be imported."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


def _weights_at_scores(vectors: Sorted, vector: int, weights: Counts) -> tuple[Floats, Floats]:
    """Weights of the positives and of the negatives at every distinct score, falling: (T, L) each."""
    taken = weights[vectors.images[vector]].astype(np.float64)
    mask, ends = vectors.positive[vector][:, None], vectors.ends[vector]
    positives, negatives = taken * mask, taken * ~mask
    if ends.all():
        return positives, negatives
    starts = np.concatenate([[0], np.flatnonzero(ends)[:-1] + 1])
    return np.add.reduceat(positives, starts, axis=0), np.add.reduceat(negatives, starts, axis=0)


def _walk(vectors: Sorted, weights: Counts, values: Mapping[str, Floats]) -> None:
    """Fill in those of `values` that are `COMPILED`; numba keeps the compiled function on disk between processes."""
    wanted = [values.get(name, np.empty((0, 0))) for name in COMPILED]
    if not any(out.size for out in wanted):
        return
    from analysis.statistics import compiled

    # Whole numbers of 32 bits are counted fastest. They hold what can be won while the positives' weight times the
    # negatives' is below 2^31, which it is where their sum is below 2^16.5.
    total = int(weights.sum(axis=0, dtype=np.int64).max(initial=0))
    unit = np.empty(0, dtype=np.int32 if total**2 / 4 < 2**31 else np.float64)
    compiled.ranking(vectors.images, vectors.positive, vectors.ends, weights, unit, *wanted)
