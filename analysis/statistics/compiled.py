"""The kernels of `analysis.statistics.kernels` for numba; `kernels` imports this file where numba is installed.

Every function walks the images by falling score and keeps one running sum a resample (a lane), in blocks of
equal scores. The innermost loops run over lanes and are turned into vector instructions. The metrics take
``images``, ``positive`` and ``ends``, all (M, n), of `kernels.Sorted`, (N, L) ``weights``, and fill (M, L) ``out``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from benchmark.metrics.sensitivity_at_90_specificity import FALSE_POSITIVES, ROUNDING

LANES = 64  # resamples side by side: as bytes, they fill one cache line an image

compile_it: Callable[[Any], Any] = njit(nogil=True, cache=True, error_model="numpy")


@compile_it
def count(bits, members, weights):  # type: ignore[no-untyped-def]
    """See `kernels.count`."""
    size = np.uint64(bits.shape[1])
    times = np.zeros((16, bits.shape[1]), weights.dtype)
    for start in range(0, bits.shape[0], 16):  # counted in rows, then turned: strided counting misses the cache
        width = min(16, bits.shape[0] - start)
        times[:, :] = 0
        for lane in range(width):
            row = times[lane]
            for i in range(bits.shape[1]):
                row[(np.uint64(bits[start + lane, i]) * size) >> np.uint64(32)] += 1
        for i in range(bits.shape[1]):
            for lane in range(width):
                weights[members[i], start + lane] += times[lane, i]


@compile_it
def auroc(images, positive, ends, weights, out):  # type: ignore[no-untyped-def]
    """Probability that a positive is above a negative, ties one half."""
    size = weights.shape[1]
    tile = np.zeros((weights.shape[0], LANES), weights.dtype)
    above, high, low, wins, total = (
        np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES),
    )  # fmt: skip
    for start in range(0, size, LANES):
        width = min(LANES, size - start)
        tile[:, :] = 0
        tile[:, :width] = weights[:, start : start + width]
        for v in range(images.shape[0]):
            above[:] = 0
            wins[:] = 0
            total[:] = 0
            fresh = True
            for k in range(images.shape[1]):
                row = images[v, k]
                if fresh and ends[v, k]:  # a score of its own: the common case
                    if positive[v, k]:
                        for lane in range(LANES):
                            above[lane] += np.float64(tile[row, lane])
                    else:
                        for lane in range(LANES):
                            w = np.float64(tile[row, lane])
                            wins[lane] += w * above[lane]
                            total[lane] += w
                    continue
                if fresh:
                    high[:] = 0
                    low[:] = 0
                if positive[v, k]:
                    for lane in range(LANES):
                        high[lane] += np.float64(tile[row, lane])
                else:
                    for lane in range(LANES):
                        low[lane] += np.float64(tile[row, lane])
                fresh = ends[v, k]
                if fresh:
                    for lane in range(LANES):
                        wins[lane] += low[lane] * (above[lane] + high[lane] / 2)
                        total[lane] += low[lane]
                        above[lane] += high[lane]
            for lane in range(width):
                out[v, start + lane] = wins[lane] / (above[lane] * total[lane])


@compile_it
def average_precision(images, positive, ends, weights, out):  # type: ignore[no-untyped-def]
    """Sum over distinct scores of precision times the gain in recall."""
    size = weights.shape[1]
    tile = np.zeros((weights.shape[0], LANES), weights.dtype)
    hits, taken, high, gained = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for start in range(0, size, LANES):
        width = min(LANES, size - start)
        tile[:, :] = 0
        tile[:, :width] = weights[:, start : start + width]
        for v in range(images.shape[0]):
            hits[:] = 0
            taken[:] = 0
            gained[:] = 0
            high[:] = 0
            pending = False
            for k in range(images.shape[1]):
                row = images[v, k]
                if not positive[v, k]:
                    for lane in range(LANES):
                        taken[lane] += np.float64(tile[row, lane])
                elif ends[v, k] and not pending:
                    for lane in range(LANES):
                        w = np.float64(tile[row, lane])
                        hits[lane] += w
                        taken[lane] += w
                        gained[lane] += w * (hits[lane] / max(taken[lane], 1.0))
                    continue
                else:
                    pending = True
                    for lane in range(LANES):
                        high[lane] += np.float64(tile[row, lane])
                        taken[lane] += np.float64(tile[row, lane])
                if pending and ends[v, k]:
                    pending = False
                    for lane in range(LANES):
                        hits[lane] += high[lane]
                        gained[lane] += high[lane] * (hits[lane] / max(taken[lane], 1.0))
                        high[lane] = 0
            for lane in range(width):
                out[v, start + lane] = gained[lane] / hits[lane]


@compile_it
def sensitivity(images, positive, ends, weights, out):  # type: ignore[no-untyped-def]
    """Sensitivity where the ROC curve, linear between its points, passes the specificity."""
    size = weights.shape[1]
    tile = np.zeros((weights.shape[0], LANES), weights.dtype)
    positives, allowed, hits, false = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    high, low, crossed = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for start in range(0, size, LANES):
        width = min(LANES, size - start)
        tile[:, :] = 0
        tile[:, :width] = weights[:, start : start + width]
        for v in range(images.shape[0]):
            if v == 0:  # every vector has the same known images
                positives[:] = 0
                allowed[:] = 0
                for k in range(images.shape[1]):
                    row = images[v, k]
                    if positive[v, k]:
                        for lane in range(LANES):
                            positives[lane] += np.float64(tile[row, lane])
                    else:
                        for lane in range(LANES):
                            allowed[lane] += np.float64(tile[row, lane])
                for lane in range(LANES):
                    allowed[lane] *= FALSE_POSITIVES
            hits[:] = 0
            false[:] = 0
            high[:] = 0
            low[:] = 0
            crossed[:] = -1
            for k in range(images.shape[1]):
                row = images[v, k]
                if positive[v, k]:
                    for lane in range(LANES):
                        high[lane] += np.float64(tile[row, lane])
                else:
                    for lane in range(LANES):
                        low[lane] += np.float64(tile[row, lane])
                if not ends[v, k]:
                    continue
                for lane in range(LANES):
                    after = false[lane] + low[lane]
                    share = (allowed[lane] - false[lane]) / max(low[lane], 1.0)
                    here = hits[lane] + high[lane] * share
                    first = (crossed[lane] < 0) & (after > allowed[lane] + ROUNDING)
                    crossed[lane] = here if first else crossed[lane]
                    false[lane] = after
                    hits[lane] += high[lane]
                    high[lane] = 0
                    low[lane] = 0
                if k % 64 == 0 and crossed[:width].min() >= 0:
                    break
            for lane in range(width):
                out[v, start + lane] = crossed[lane] / positives[lane]
