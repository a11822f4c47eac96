"""Loops over channels-last arrays for numba; `kernels` imports this file where numba is installed.

The innermost loop of each runs over channels and becomes vector instructions. Images come as (N, H, W, C), or as rows
(M, W) of W = C r neighbouring values, r pixels of C channels, so that networks of few channels fill a vector too.
Sums are made in blocks of float32 that are added in float64; the order is fixed, so the same input gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

BLOCK = 32  # rows summed in float32; they stay in the nearest cache for their second reading


def compile_it(signature: str) -> Callable[[Any], Any]:
    """Compile for one signature, when this file is imported; kept on disk where some folder for it can be written."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

    def compiled(function: Any) -> Any:
        try:
            return njit(signature, cache=True, **options)(function)
        except RuntimeError:  # neither beside this file nor in the user's cache folder
            return njit(signature, **options)(function)

    return compiled


@compile_it("void(float32[:,:,:,::1], float32[:,:,:,::1], int64, int64, int64, float32[:,:,::1])")
def depthwise_weight_gradient(x, g, stride, top, left, out):  # type: ignore[no-untyped-def]
    """Gradient of a depthwise kernel, ``out`` (k, k, C), from its input (N, H, W, C) and its output's gradient."""
    height, width, channels = x.shape[1:]
    out[:, :, :] = 0.0
    for n in range(x.shape[0]):
        for row in range(g.shape[1]):
            for i in range(out.shape[0]):
                y = row * stride - top + i
                if y < 0 or y >= height:
                    continue
                for j in range(out.shape[1]):
                    first = max(0, (left - j + stride - 1) // stride)
                    last = min(g.shape[2], (width - 1 + left - j) // stride + 1)
                    sums = out[i, j]
                    for column in range(first, last):
                        a, b = g[n, row, column], x[n, y, column * stride - left + j]
                        for c in range(channels):
                            sums[c] += a[c] * b[c]


@compile_it("void(float32[:,::1], float64[::1], float64[::1])")
def moments(x, mean, variance):  # type: ignore[no-untyped-def]
    """Mean and (biased) variance by channel, (C,), of rows (M, C r), by merging blocks (Chan et al. 1983)."""
    width, channels = x.shape[1], len(mean)
    sums, squares = np.empty(width, np.float32), np.empty(width, np.float32)
    means, deviations = np.zeros(width), np.zeros(width)
    for start in range(0, x.shape[0], BLOCK):
        stop = min(start + BLOCK, x.shape[0])
        count = stop - start
        sums[:] = 0.0
        squares[:] = 0.0
        for m in range(start, stop):
            row = x[m]
            for i in range(width):
                sums[i] += row[i]
        factor = np.float32(1.0 / count)
        for i in range(width):
            sums[i] *= factor
        for m in range(start, stop):
            row = x[m]
            for i in range(width):
                squares[i] += (row[i] - sums[i]) * (row[i] - sums[i])
        share = count / stop
        for i in range(width):
            shift = sums[i] - means[i]
            means[i] += shift * share
            deviations[i] += squares[i] + shift * shift * share * start
    repeats = width // channels
    mean[:] = 0.0
    for i in range(width):
        mean[i % channels] += means[i] / repeats
    variance[:] = 0.0
    for i in range(width):
        shift = means[i] - mean[i % channels]
        variance[i % channels] += (deviations[i] / x.shape[0] + shift * shift) / repeats


@compile_it(
    "void(float32[:,::1], float32[::1], float32[::1], float32[::1], float32[::1], float64, float64, boolean,"
    " float64[:,::1])"
)
def statistics(x, weight, bias, running_mean, running_variance, momentum, eps, training, kept):  # type: ignore[no-untyped-def]
    """What a batch normalisation does to each channel of rows (M, C r): ``x * scale + shift``.

    In training by the batch's own moments, which also move the running ones (the variance unbiased).
    ``kept`` (4, C) receives scale, shift, mean and 1 / standard deviation.
    """
    channels = len(weight)
    mean, variance = np.empty(channels), np.empty(channels)
    if training:
        moments(x, mean, variance)
        count = x.size // channels
        unbiased = count / max(1, count - 1)
        for c in range(channels):
            running_mean[c] += momentum * (mean[c] - running_mean[c])
            running_variance[c] += momentum * (variance[c] * unbiased - running_variance[c])
    else:
        for c in range(channels):
            mean[c], variance[c] = running_mean[c], running_variance[c]
    for c in range(channels):
        inverse = 1.0 / np.sqrt(variance[c] + eps)
        kept[0, c] = weight[c] * inverse
        kept[1, c] = bias[c] - mean[c] * kept[0, c]
        kept[2, c] = mean[c]
        kept[3, c] = inverse


@compile_it("float32[:,::1](float64[:,::1], int64)")
def lanes(values, width):  # type: ignore[no-untyped-def]
    """Values by channel, (K, C), as single precision and repeated to a row's width."""
    out = np.empty((values.shape[0], width), np.float32)
    for k in range(values.shape[0]):
        for i in range(width):
            out[k, i] = values[k, i % values.shape[1]]
    return out


@compile_it(
    "float64[:,::1](float64[:,::1], float64[::1], float64[::1], int64, float32[::1], float32[::1])"
)
def parameter_gradients(kept, total, along, count, for_weight, for_bias):  # type: ignore[no-untyped-def]
    """Gradients of weight and bias, from sums by lane; and (2, C), what the batch's statistics take from the input's.

    That is a line in ``x - mean``: its slope and its offset (Ioffe and Szegedy 2015).
    """
    channels = len(for_weight)
    sums, products = np.zeros(channels), np.zeros(channels)
    for i in range(len(total)):
        sums[i % channels] += total[i]
        products[i % channels] += along[i]
    line = np.empty((2, channels))
    for c in range(channels):
        for_weight[c] = products[c] * kept[3, c]
        for_bias[c] = sums[c]
        line[0, c] = -kept[0, c] * kept[3, c] * kept[3, c] * products[c] / count
        line[1, c] = -kept[0, c] * sums[c] / count
    return line


@compile_it("void(float32[:,::1], float64[:,::1], float32, float32, float32[:,::1])")
def norm(x, kept, low, high, out):  # type: ignore[no-untyped-def]
    """``out = clamp(x * scale + shift, low, high)`` of rows (M, W); NaN stays NaN."""
    values = lanes(kept, x.shape[1])
    scale, shift = values[0], values[1]
    for m in range(x.shape[0]):
        row, to = x[m], out[m]
        for i in range(x.shape[1]):
            value = row[i] * scale[i] + shift[i]
            to[i] = low if value < low else (high if value > high else value)


@compile_it(
    "void(float32[:,::1], float32[:,::1], float64[:,::1], float32, float32, float32[::1], float32[::1], float32[:,::1])"
)
def norm_gradient(x, g, kept, low, high, for_weight, for_bias, out):  # type: ignore[no-untyped-def]
    """Gradients of `norm` in training, ``out`` of its input: two passes over rows (M, W)."""
    width = x.shape[1]
    values = lanes(kept, width)
    scale, shift, mean = values[0], values[1], values[2]
    sums, products = np.empty(width, np.float32), np.empty(width, np.float32)
    total, along = np.zeros(width), np.zeros(width)
    for start in range(0, x.shape[0], BLOCK):
        sums[:] = 0.0
        products[:] = 0.0
        for m in range(start, min(start + BLOCK, x.shape[0])):
            row, gradient = x[m], g[m]
            for i in range(width):
                value = row[i] * scale[i] + shift[i]
                passed = np.float32(0.0) if value <= low or value >= high else gradient[i]
                sums[i] += passed
                products[i] += passed * (row[i] - mean[i])
        for i in range(width):
            total[i] += sums[i]
            along[i] += products[i]
    line = lanes(parameter_gradients(kept, total, along, x.size // len(for_weight), for_weight, for_bias), width)
    slope, offset = line[0], line[1]
    for m in range(x.shape[0]):
        row, gradient, to = x[m], g[m], out[m]
        for i in range(width):
            value = row[i] * scale[i] + shift[i]
            passed = np.float32(0.0) if value <= low or value >= high else gradient[i]
            to[i] = scale[i] * passed + slope[i] * (row[i] - mean[i]) + offset[i]


@compile_it("void(float32[:,:,:,::1], float64[:,::1], float32[:,:,:,::1])")
def pool(x, kept, out):  # type: ignore[no-untyped-def]
    """``out = max(0, largest of x * scale + shift in windows of 2 x 2)``; an odd last row or column is left out."""
    values = lanes(kept, x.shape[3])
    scale, shift = values[0], values[1]
    for n in range(x.shape[0]):
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                a, b = x[n, 2 * row, 2 * column], x[n, 2 * row, 2 * column + 1]
                c, d = x[n, 2 * row + 1, 2 * column], x[n, 2 * row + 1, 2 * column + 1]
                to = out[n, row, column]
                for i in range(x.shape[3]):
                    p, q = a[i] * scale[i] + shift[i], b[i] * scale[i] + shift[i]
                    r, s = c[i] * scale[i] + shift[i], d[i] * scale[i] + shift[i]
                    upper, lower = (q if q > p or q != q else p), (s if s > r or s != s else r)
                    largest = lower if lower > upper or lower != lower else upper
                    to[i] = np.float32(0.0) if largest < np.float32(0.0) else largest


@compile_it(
    "void(float32[:,:,:,::1], float32[:,:,:,::1], float64[:,::1], float32[::1], float32[::1], float32[:,:,:,::1])"
)
def pool_gradient(x, g, kept, for_weight, for_bias, out):  # type: ignore[no-untyped-def]
    """Gradients of `pool` in training, ``out`` of its input: a window's goes to the first of its largest."""
    zero = np.float32(0.0)
    channels, height, width = x.shape[3], g.shape[1], g.shape[2]
    values = lanes(kept, channels)
    scale, shift, mean = values[0], values[1], values[2]
    sums, products = np.empty(channels, np.float32), np.empty(channels, np.float32)
    total, along = np.zeros(channels), np.zeros(channels)
    for n in range(x.shape[0]):
        for row in range(height):
            sums[:] = 0.0
            products[:] = 0.0
            for column in range(width):
                a, b = x[n, 2 * row, 2 * column], x[n, 2 * row, 2 * column + 1]
                c, d = x[n, 2 * row + 1, 2 * column], x[n, 2 * row + 1, 2 * column + 1]
                gradient = g[n, row, column]
                for i in range(channels):
                    p, q = a[i] * scale[i] + shift[i], b[i] * scale[i] + shift[i]
                    r, s = c[i] * scale[i] + shift[i], d[i] * scale[i] + shift[i]
                    upper, lower = (q if q > p else p), (s if s > r else r)
                    above, below = (b[i] if q > p else a[i]), (d[i] if s > r else c[i])
                    passed = zero if (lower if lower > upper else upper) <= zero else gradient[i]
                    sums[i] += passed
                    products[i] += passed * ((below if lower > upper else above) - mean[i])
            for i in range(channels):
                total[i] += sums[i]
                along[i] += products[i]
    line = lanes(parameter_gradients(kept, total, along, x.size // channels, for_weight, for_bias), channels)
    slope, offset = line[0], line[1]
    passing, place = np.empty(channels, np.float32), np.empty(channels, np.int32)
    for n in range(x.shape[0]):
        for row in range(height):
            for column in range(width):
                a, b = x[n, 2 * row, 2 * column], x[n, 2 * row, 2 * column + 1]
                c, d = x[n, 2 * row + 1, 2 * column], x[n, 2 * row + 1, 2 * column + 1]
                gradient = g[n, row, column]
                for i in range(channels):
                    p, q = a[i] * scale[i] + shift[i], b[i] * scale[i] + shift[i]
                    r, s = c[i] * scale[i] + shift[i], d[i] * scale[i] + shift[i]
                    upper, lower = (q if q > p else p), (s if s > r else r)
                    passing[i] = zero if (lower if lower > upper else upper) <= zero else scale[i] * gradient[i]
                    place[i] = (3 if s > r else 2) if lower > upper else (1 if q > p else 0)
                for k in range(4):  # one output at a time, which the compiler can turn into vectors
                    pixel = x[n, 2 * row + k // 2, 2 * column + k % 2]
                    to = out[n, 2 * row + k // 2, 2 * column + k % 2]
                    for i in range(channels):
                        to[i] = slope[i] * (pixel[i] - mean[i]) + offset[i] + (passing[i] if place[i] == k else zero)
        for y in range(x.shape[1]):
            for z in range(0 if y >= 2 * height else 2 * width, x.shape[2]):  # what no window holds
                for i in range(channels):
                    out[n, y, z, i] = slope[i] * (x[n, y, z, i] - mean[i]) + offset[i]
