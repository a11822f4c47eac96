"""Weighted ranking metrics of many resamples at once, in O(N) a resample on scores sorted beforehand.

The weights of L resamples lie side by side, so that one walk through the sorted images serves all of them.
Compiled by numba where it is installed; the NumPy path gives the same numbers (sums of integer weights are
exact).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Counts = npt.NDArray[np.unsignedinteger[Any]]

#: Ranking metrics that the kernels know.
RANKING = ("auroc", "average_precision", "sensitivity_at_90_specificity")
FALSE_POSITIVES = 0.1  # 1 - specificity
ROUNDING = 1e-9  # a tenth of a whole number may come out a little below it


@dataclass(frozen=True, eq=False)
class Sorted:
    """Score vectors of one class or label, sorted once.

    Attributes:
        images: (M, n) the known images of each vector by falling score.
        positive: (M, n) whether each is positive.
        ends: (M, n) whether each is the last of those with its score.
    """

    images: npt.NDArray[np.int32]
    positive: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]


def sort(truth: Floats, scores: npt.NDArray[np.floating[Any]]) -> Sorted:
    """Sort score vectors.

    Args:
        truth: (N,) 1, 0, or NaN for unknown images, which are left out.
        scores: (M, N).
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
    metrics: tuple[str, ...], vectors: Sorted, weights: Counts, compiled: bool | None = None
) -> dict[str, Floats]:
    """The ranking metrics of every vector under every resample.

    Args:
        metrics: among `RANKING`.
        vectors: M sorted score vectors.
        weights: (N, L) of the images; every column must weigh at least one positive and one negative.
        compiled: with numba or without; None takes it where it is installed.

    Returns:
        metric -> (M, L).
    """
    use = has_numba() if compiled is None else compiled
    if use and weights.max(initial=0) < 256:
        weights = weights.astype(np.uint8)  # a quarter of the memory traffic
    found = {}
    for name in metrics:
        function = _compiled()[name] if use else _PLAIN[name]
        out = np.empty((len(vectors.images), weights.shape[1]))
        function(vectors.images, vectors.positive, vectors.ends, np.ascontiguousarray(weights), out)
        found[name] = out
    return found


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
        _compiled()["count"](bits, members, weights)
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


def _blocks(vector: int, images: Any, positive: Any, ends: Any, weights: Counts) -> tuple[Floats, Floats]:
    """Weights of the positives and of the negatives at every distinct score, falling: (T, L) each."""
    taken = weights[images[vector]].astype(np.float64)
    mask = positive[vector][:, None]
    high, low = taken * mask, taken * ~mask
    if ends[vector].all():
        return high, low
    starts = np.concatenate([[0], np.flatnonzero(ends[vector])[:-1] + 1])
    return np.add.reduceat(high, starts, axis=0), np.add.reduceat(low, starts, axis=0)


def _plain_auroc(images: Any, positive: Any, ends: Any, weights: Counts, out: Floats) -> None:
    for vector in range(len(images)):
        high, low = _blocks(vector, images, positive, ends, weights)
        above = np.cumsum(high, axis=0)
        wins = (low * (above - high / 2)).sum(axis=0)
        out[vector] = wins / (above[-1] * low.sum(axis=0))


def _plain_average_precision(images: Any, positive: Any, ends: Any, weights: Counts, out: Floats) -> None:
    for vector in range(len(images)):
        high, low = _blocks(vector, images, positive, ends, weights)
        hits = np.cumsum(high, axis=0)
        taken = hits + np.cumsum(low, axis=0)
        out[vector] = (high * (hits / np.maximum(taken, 1))).sum(axis=0) / hits[-1]


def _plain_sensitivity(images: Any, positive: Any, ends: Any, weights: Counts, out: Floats) -> None:
    for vector in range(len(images)):
        high, low = _blocks(vector, images, positive, ends, weights)
        hits, false = np.cumsum(high, axis=0), np.cumsum(low, axis=0)
        allowed = FALSE_POSITIVES * false[-1]
        # Where the curve first leaves the allowed part, the rest of that step is cut off.
        at = (false <= allowed + ROUNDING).sum(axis=0)
        lane = np.arange(weights.shape[1])
        before = hits[at, lane] - high[at, lane]
        share = (allowed - (false[at, lane] - low[at, lane])) / low[at, lane]
        out[vector] = (before + high[at, lane] * share) / hits[-1]


_PLAIN: dict[str, Callable[[Any, Any, Any, Counts, Floats], None]] = {
    "auroc": _plain_auroc,
    "average_precision": _plain_average_precision,
    "sensitivity_at_90_specificity": _plain_sensitivity,
}


@cache
def _compiled() -> dict[str, Callable[..., None]]:
    """The compiled functions; numba keeps them on disk between processes."""
    from analysis import compiled

    return {
        "count": compiled.count,
        "auroc": compiled.auroc,
        "average_precision": compiled.average_precision,
        "sensitivity_at_90_specificity": compiled.sensitivity,
    }
