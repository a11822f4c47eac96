"""ROC, precision-recall and reliability curves, with pointwise bands over seeds and patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics import kernels, resampling
from analysis.study import bootstrap

Floats = npt.NDArray[np.float64]

GRID = np.linspace(0, 1, 101)
POINTS = 1000
RESAMPLES = 100  # for a standard error at every point, not for percentiles
Z = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Mean curves of every arm on `GRID`, and what their pointwise bands are made from.

    Attributes:
        roc, roc_se: (A, 101) sensitivity at the false positive rates, and its standard error.
        precision, precision_se: (A, 101) precision at the recalls, and its standard error.
    """

    roc: Floats
    roc_se: Floats
    precision: Floats
    precision_se: Floats


def curves(block: Block, root: np.random.SeedSequence) -> Curves:
    """Mean over seeds (and classes or labels, one versus rest), with bootstrap standard errors.

    The bootstrap is of patients and seeds, of patients alone where the trained models are held fixed.

    Args:
        block: the predictions.
        root: of the weights' streams.
    """
    arms, seeds, refits, _, _ = block.scores.shape
    scheme = resampling.scheme(block.truth, block.groups)
    drawn = [resampling.draw(scheme, size, stream).weights for size, stream in resampling.chunks(RESAMPLES, root)]
    # Column 0 is the sample itself.
    weights = np.concatenate([np.ones((scheme.count, 1), dtype=np.uint16), *drawn], axis=1)[block.groups]
    mixed = np.full((RESAMPLES + 1, seeds), 1 / seeds)
    if block.estimand != "models":
        mixed[1:] = bootstrap.seed_weights(seeds, RESAMPLES, root)
    both = np.zeros((2, arms, len(GRID), RESAMPLES + 1))
    for k in block.columns:
        for a in range(arms):
            for s in range(seeds):
                vectors = kernels.sort(block.truth[:, k], block.scores[a, s, :, :, k])
                for r in range(refits):
                    of_vector = np.stack(_curves(vectors, r, weights))
                    both[:, a] += of_vector * mixed[:, s] / (refits * len(block.columns))
    mean, se = both[..., 0], both[..., 1:].std(axis=-1, ddof=1)
    return Curves(mean[0], se[0], mean[1], se[1])


def _curves(vectors: kernels.Sorted, row: int, weights: resampling.Counts) -> tuple[Floats, Floats]:
    """Sensitivity on the grid of false positive rates, and precision on that of recalls.

    Args:
        vectors: M sorted score vectors.
        row: which of them.
        weights: (N, L) of the images.

    Returns:
        (101, L) each.
    """
    images, positive, ends = vectors.images[row], vectors.positive[row], np.flatnonzero(vectors.ends[row])
    if len(ends) > POINTS:  # a curve of a thousand points looks the same
        ends = ends[np.linspace(0, len(ends), POINTS + 1).astype(np.intp)[1:] - 1]
    hits = _running(weights[images[positive]], np.cumsum(positive)[ends])
    false = _running(weights[images[~positive]], np.cumsum(~positive)[ends])
    last, rates = hits.shape[1] - 1, GRID * false[:, -1:]
    # Weights are whole numbers: what is at most a rate is at most the whole number below it.
    at = _places(false, np.floor(rates), "right")
    before_fp, before_tp = (np.where(at > 0, _take(sums, np.maximum(at - 1, 0)), 0.0) for sums in (false, hits))
    inside = np.minimum(at, last)
    share = np.clip((rates - before_fp) / np.maximum(_take(false, inside) - before_fp, 1e-12), 0, 1)
    between = before_tp + share * (_take(hits, inside) - before_tp)
    roc = np.where(at <= last, between, hits[:, -1:]) / hits[:, -1:]
    reached = np.minimum(_places(hits, np.ceil(np.maximum(GRID * hits[:, -1:], 1e-9)), "left"), last)
    tp, fp = _take(hits, reached), _take(false, reached)
    return roc.T, (tp / np.maximum(tp + fp, 1e-12)).T


def _running(weights: resampling.Counts, counts: npt.NDArray[np.intp]) -> Floats:
    """(L, T) sums of the first counts[t] rows of (n, L) weights, for (T,) counts that rise to n."""
    starts = np.concatenate([[0], counts[:-1]])
    longer = counts > starts
    sums = np.zeros((len(counts), weights.shape[1]))
    sums[longer] = np.add.reduceat(weights, starts[longer], axis=0, dtype=np.uint32)
    return np.ascontiguousarray(np.cumsum(sums, axis=0).T)


def _places(sums: Floats, wanted: Floats, side: Literal["left", "right"]) -> npt.NDArray[np.intp]:
    """`np.searchsorted` of each row of (L, T) rising sums for its row of `wanted`; whole numbers, none above the last.

    One search serves all rows, which are moved apart.
    """
    number = np.arange(len(sums))[:, None]
    apart = (sums[:, -1].max() + 1) * number
    places = np.searchsorted((sums + apart).ravel(), (wanted + apart).ravel(), side=side).reshape(wanted.shape)
    return np.asarray(places - sums.shape[1] * number)


def _take(sums: Floats, places: npt.NDArray[np.intp]) -> Floats:
    return np.asarray(np.take_along_axis(sums, places, axis=1))


def reliability(block: Block, a: int, bins: int = 10) -> tuple[Floats, Floats]:
    """Mean score and observed rate of arm a in bins of equal size, over refits and classes: two (S, bins).

    Vectors with fewer images than bins are left out; zeros where all are.
    """
    _, seeds, refits, _, _ = block.scores.shape
    predicted, observed, count = np.zeros((seeds, bins)), np.zeros((seeds, bins)), 0
    for k in block.columns:
        known = np.flatnonzero(~np.isnan(block.truth[:, k]))
        truth = block.truth[known, k]
        if len(known) < bins:
            continue
        count += refits
        for s, r in np.ndindex(seeds, refits):
            score = block.scores[a, s, r, known, k]
            parts = np.array_split(np.argsort(score, kind="stable"), bins)
            predicted[s] += [float(score[part].mean(dtype=np.float64)) for part in parts]
            observed[s] += [float(truth[part].mean()) for part in parts]
    return predicted / max(count, 1), observed / max(count, 1)
