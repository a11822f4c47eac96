"""The kernels of `analysis.statistics.kernels` for numba; `kernels` imports this file where numba is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from benchmark.metrics.sensitivity_at_90_specificity import FALSE_POSITIVES, ROUNDING

LANES = 64  # resamples side by side: as bytes, they fill one cache line an image
NEVER = 2**30  # more false positives than are ever counted down

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
def ranking(images, positive, ends, weights, unit, auroc, precision, sensitivity):  # type: ignore[no-untyped-def]
    """The three ranking metrics in one walk through the images by falling score.

    One running sum a resample (a lane) is kept, in blocks of equal scores. The innermost loops run over lanes and are
    turned into vector instructions.

    Args:
        images, positive, ends: (M, n) of `kernels.Sorted`.
        weights: (N, L).
        unit: any array of the type to count in: it must hold the product of the positives' and the negatives' weights.
        auroc: (M, L), filled with the probability that a positive is above a negative, ties one half.
        precision: (M, L), filled with the sum over distinct scores of precision times the gain in recall.
        sensitivity: (M, L), filled with that where the ROC curve, linear between its points, passes the specificity.
            Any of the three may be (0, 0), and is not computed then.
    """
    wins_wanted, gains_wanted, passing_wanted = auroc.size > 0, precision.size > 0, sensitivity.size > 0
    tile = np.zeros((weights.shape[0], LANES), weights.dtype)
    positives, negatives = np.zeros(LANES, unit.dtype), np.zeros(LANES, unit.dtype)
    hits, false = np.zeros(LANES, unit.dtype), np.zeros(LANES, unit.dtype)  # weights above the present score
    high, low = np.zeros(LANES, unit.dtype), np.zeros(LANES, unit.dtype)  # and at it
    wins, ties, left = np.zeros(LANES, unit.dtype), np.zeros(LANES, unit.dtype), np.zeros(LANES, unit.dtype)
    gained, allowed, passed = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for start in range(0, weights.shape[1], LANES):
        width = min(LANES, weights.shape[1] - start)
        tile[:, :] = 0
        tile[:, :width] = weights[:, start : start + width]
        positives[:] = 0
        negatives[:] = 0
        for k in range(images.shape[1]):  # every vector has the same known images
            row = images[0, k]
            if positive[0, k]:
                for lane in range(LANES):
                    positives[lane] += tile[row, lane]
            else:
                for lane in range(LANES):
                    negatives[lane] += tile[row, lane]
        for lane in range(LANES):
            allowed[lane] = FALSE_POSITIVES * negatives[lane]
        for v in range(images.shape[0]):
            hits[:] = 0
            false[:] = 0
            wins[:] = 0
            ties[:] = 0
            gained[:] = 0
            for lane in range(LANES):
                left[lane] = np.floor(allowed[lane] + ROUNDING)
            waiting = width if passing_wanted else 0  # lanes whose curve has not passed the specificity
            alone = True
            for k in range(images.shape[1]):
                row = images[v, k]
                if alone and ends[v, k]:  # a score of its own: the common case
                    if positive[v, k]:
                        for lane in range(LANES):
                            hits[lane] += tile[row, lane]
                        if gains_wanted:
                            for lane in range(LANES):
                                taken = np.float64(max(hits[lane] + false[lane], 1))
                                gained[lane] += np.float64(tile[row, lane]) * (np.float64(hits[lane]) / taken)
                        continue
                    if wins_wanted:
                        for lane in range(LANES):
                            wins[lane] += tile[row, lane] * hits[lane]
                    for lane in range(LANES):
                        false[lane] += tile[row, lane]
                    if waiting:
                        least = left[0]
                        for lane in range(LANES):
                            left[lane] -= tile[row, lane]
                            least = min(least, left[lane])
                        if least < 0:
                            for lane in range(width):
                                if left[lane] < 0:
                                    passed[lane], left[lane] = hits[lane], NEVER
                                    waiting -= 1
                else:
                    if alone:
                        high[:] = 0
                        low[:] = 0
                    if positive[v, k]:
                        for lane in range(LANES):
                            high[lane] += tile[row, lane]
                    else:
                        for lane in range(LANES):
                            low[lane] += tile[row, lane]
                    alone = ends[v, k]
                    if not alone:
                        continue
                    for lane in range(LANES):
                        wins[lane] += low[lane] * hits[lane]
                        ties[lane] += low[lane] * high[lane]
                        left[lane] -= low[lane]
                        taken = np.float64(max(hits[lane] + high[lane] + false[lane] + low[lane], 1))
                        gained[lane] += np.float64(high[lane]) * (np.float64(hits[lane] + high[lane]) / taken)
                    if waiting:
                        for lane in range(width):
                            if left[lane] < 0:
                                share = (allowed[lane] - np.float64(false[lane])) / np.float64(low[lane])
                                passed[lane] = np.float64(hits[lane]) + np.float64(high[lane]) * share
                                left[lane] = NEVER
                                waiting -= 1
                    for lane in range(LANES):
                        hits[lane] += high[lane]
                        false[lane] += low[lane]
                if passing_wanted and waiting == 0 and not wins_wanted and not gains_wanted:
                    break
            for lane in range(width):
                if wins_wanted:
                    won = np.float64(wins[lane]) + np.float64(ties[lane]) / 2
                    auroc[v, start + lane] = won / (np.float64(positives[lane]) * np.float64(negatives[lane]))
                if gains_wanted:
                    precision[v, start + lane] = gained[lane] / np.float64(positives[lane])
                if passing_wanted:
                    sensitivity[v, start + lane] = passed[lane] / np.float64(positives[lane])
