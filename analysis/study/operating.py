"""ROC, precision-recall and reliability curves, with pointwise bands over seeds and patients."""

from __future__ import annotations

from dataclasses import dataclass

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
    roc, precision = np.empty((len(GRID), weights.shape[1])), np.empty((len(GRID), weights.shape[1]))
    for lane, (tp, fp) in enumerate(zip(hits, false, strict=True)):
        at = np.searchsorted(fp, GRID * fp[-1], side="right")
        before_fp = np.where(at > 0, fp[at - 1], 0.0)
        before_tp = np.where(at > 0, tp[at - 1], 0.0)
        inside = np.minimum(at, len(fp) - 1)
        step = np.maximum(fp[inside] - before_fp, 1e-12)
        share = np.clip((GRID * fp[-1] - before_fp) / step, 0, 1)
        roc[:, lane] = np.where(at < len(fp), before_tp + share * (tp[inside] - before_tp), tp[-1]) / tp[-1]
        reached = np.minimum(np.searchsorted(tp, np.maximum(GRID * tp[-1], 1e-9), side="left"), len(tp) - 1)
        precision[:, lane] = tp[reached] / np.maximum(tp[reached] + fp[reached], 1e-12)
    return roc, precision


def _running(weights: resampling.Counts, counts: npt.NDArray[np.intp]) -> Floats:
    """(L, T) sums of the first counts[t] rows of (n, L) weights, for (T,) counts."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, dtype=np.float64, out=sums[1:])
    return np.ascontiguousarray(sums[counts].T)


def reliability(block: Block, a: int, bins: int = 10) -> tuple[Floats, Floats]:
    """Mean score and observed rate of arm a in bins of equal size, over seeds, refits and classes: two (bins,).

    Vectors with fewer images than bins are left out; zeros where all are.
    """
    predicted, observed, count = np.zeros(bins), np.zeros(bins), 0
    _, seeds, refits, _, _ = block.scores.shape
    for k in block.columns:
        known = np.flatnonzero(~np.isnan(block.truth[:, k]))
        truth = block.truth[known, k]
        for s in range(seeds):
            for r in range(refits):
                score = block.scores[a, s, r, known, k]
                parts = np.array_split(np.argsort(score, kind="stable"), bins)
                if min(len(part) for part in parts) == 0:
                    continue
                predicted += [float(score[part].mean(dtype=np.float64)) for part in parts]
                observed += [float(truth[part].mean()) for part in parts]
                count += 1
    return predicted / max(count, 1), observed / max(count, 1)
