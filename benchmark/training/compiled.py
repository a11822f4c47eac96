"""Loops over channels-last arrays for numba; `kernels` imports this file where numba is installed.

The innermost loop of each runs over channels and becomes vector instructions. Images come as (N, H, W, C), or as rows
(M, W) of W = C r neighbouring values, r pixels of C channels, so that networks of few channels fill a vector too.
They are float32, or bfloat16 as the 16-bit words that hold it; all is computed in float32. Long sums are sums of short
ones, and their order is fixed, so the same input gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

PIXELS = 1024  # summed into a depthwise kernel before the sum is added to the others
BLOCK = 32  # rows summed in float32; they stay in the nearest cache for their second reading


def compile_it(function: Any) -> Any:
    """Compiled at the first call, and kept on disk where a folder for it can be written."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache folder
        return njit(**options)(function)


def wide(value: Any) -> Any:
    """A stored value as float32."""
    raise NotImplementedError("for compiled code")


def narrow(value: Any, out: Any) -> Any:
    """A float32 as it is stored in an array like `out`: rounded to the nearest, ties to even."""
    raise NotImplementedError("for compiled code")


@overload(wide)
def _wide(value):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Float):
        return lambda value: value
    return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)


@overload(narrow)
def _narrow(value, out):  # type: ignore[no-untyped-def]
    if isinstance(out.dtype, types.Float):
        return lambda value, out: value

    def rounded(value, out):  # type: ignore[no-untyped-def]
        bits = np.float32(value).view(np.uint32)
        even = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
        word = np.uint16(np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + even) >> np.uint32(16))
        return word if value == value else np.uint16(0x7FC0)

    return rounded


@compile_it
def depthwise_weight_gradient(x, g, stride, top, left, out):  # type: ignore[no-untyped-def]
    """Gradient of a depthwise kernel, ``out`` (k, k, C), from its input (N, H, W, C) and its output's gradient."""
    height, width, channels = x.shape[1:]
    together = max(1, PIXELS // (g.shape[1] * g.shape[2]))
    part = np.zeros_like(out)
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
                    sums = part[i, j]
                    for column in range(first, last):
                        a, b = g[n, row, column], x[n, y, column * stride - left + j]
                        for c in range(channels):
                            sums[c] += wide(a[c]) * wide(b[c])
        if (n + 1) % together == 0 or n + 1 == x.shape[0]:  # long sums in parts, as their rounding adds up
            out += part
            part[:, :, :] = 0.0


@compile_it
def depthwise_input_gradient(g, kernel, stride, top, left, out):  # type: ignore[no-untyped-def]
    """Gradient of a depthwise convolution's input, ``out`` (N, H, W, C), from its ``kernel`` (k, k, C) in float32."""
    channels = out.shape[3]
    sums = np.empty(channels, np.float32)
    for n in range(out.shape[0]):
        for y in range(out.shape[1]):
            for z in range(out.shape[2]):
                sums[:] = 0.0
                for i in range((y + top) % stride, kernel.shape[0], stride):
                    row = (y + top - i) // stride
                    if row < 0 or row >= g.shape[1]:
                        continue
                    for j in range((z + left) % stride, kernel.shape[1], stride):
                        column = (z + left - j) // stride
                        if column < 0 or column >= g.shape[2]:
                            continue
                        a, b = g[n, row, column], kernel[i, j]
                        for c in range(channels):
                            sums[c] += wide(a[c]) * b[c]
                to = out[n, y, z]
                for c in range(channels):
                    to[c] = narrow(sums[c], to)


@compile_it
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
                sums[i] += wide(row[i])
        factor = np.float32(1.0 / count)
        for i in range(width):
            sums[i] *= factor
        for m in range(start, stop):
            row = x[m]
            for i in range(width):
                distance = wide(row[i]) - sums[i]
                squares[i] += distance * distance
        share = count / stop
        for i in range(width):
            shift = sums[i] - means[i]
            means[i] += shift * share
            deviations[i] += squares[i] + shift * shift * share * start
    repeats = width // channels
    mean[:] = 0.0
    for start in range(0, width, channels):
        for c in range(channels):
            mean[c] += means[start + c] / repeats
    variance[:] = 0.0
    for start in range(0, width, channels):
        for c in range(channels):
            shift = means[start + c] - mean[c]
            variance[c] += (deviations[start + c] / x.shape[0] + shift * shift) / repeats


@compile_it
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


@compile_it
def lanes(values, width):  # type: ignore[no-untyped-def]
    """Values by channel, (K, C), as single precision and repeated to a row's width."""
    out = np.empty((values.shape[0], width), np.float32)
    for k in range(values.shape[0]):
        for start in range(0, width, values.shape[1]):
            for c in range(values.shape[1]):
                out[k, start + c] = values[k, c]
    return out


@compile_it
def parameter_gradients(kept, total, along, count, for_weight, for_bias):  # type: ignore[no-untyped-def]
    """Gradients of weight and bias, from sums by lane; and (2, C), what the batch's statistics take from the input's.

    That is a line in ``x - mean``: its slope and its offset (Ioffe and Szegedy 2015).
    """
    channels = len(for_weight)
    sums, products = np.zeros(channels), np.zeros(channels)
    for start in range(0, len(total), channels):
        for c in range(channels):
            sums[c] += total[start + c]
            products[c] += along[start + c]
    line = np.empty((2, channels))
    for c in range(channels):
        for_weight[c] = products[c] * kept[3, c]
        for_bias[c] = sums[c]
        line[0, c] = -kept[0, c] * kept[3, c] * kept[3, c] * products[c] / count
        line[1, c] = -kept[0, c] * sums[c] / count
    return line


@compile_it
def norm(x, kept, low, high, out):  # type: ignore[no-untyped-def]
    """``out = clamp(x * scale + shift, low, high)`` of rows (M, W); NaN stays NaN."""
    values = lanes(kept, x.shape[1])
    scale, shift = values[0], values[1]
    for m in range(x.shape[0]):
        row, to = x[m], out[m]
        for i in range(x.shape[1]):
            value = wide(row[i]) * scale[i] + shift[i]
            to[i] = narrow(low if value < low else (high if value > high else value), to)


@compile_it
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
                value = wide(row[i]) * scale[i] + shift[i]
                passed = np.float32(0.0) if value <= low or value >= high else wide(gradient[i])
                sums[i] += passed
                products[i] += passed * (wide(row[i]) - mean[i])
        for i in range(width):
            total[i] += sums[i]
            along[i] += products[i]
    line = lanes(parameter_gradients(kept, total, along, x.size // len(for_weight), for_weight, for_bias), width)
    slope, offset = line[0], line[1]
    for m in range(x.shape[0]):
        row, gradient, to = x[m], g[m], out[m]
        for i in range(width):
            value = wide(row[i]) * scale[i] + shift[i]
            passed = np.float32(0.0) if value <= low or value >= high else wide(gradient[i])
            to[i] = narrow(scale[i] * passed + slope[i] * (wide(row[i]) - mean[i]) + offset[i], to)


@compile_it
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
                    p, q = wide(a[i]) * scale[i] + shift[i], wide(b[i]) * scale[i] + shift[i]
                    r, s = wide(c[i]) * scale[i] + shift[i], wide(d[i]) * scale[i] + shift[i]
                    upper, lower = (q if q > p or q != q else p), (s if s > r or s != s else r)
                    largest = lower if lower > upper or lower != lower else upper
                    to[i] = narrow(np.float32(0.0) if largest < np.float32(0.0) else largest, to)


@compile_it
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
                    p, q = wide(a[i]) * scale[i] + shift[i], wide(b[i]) * scale[i] + shift[i]
                    r, s = wide(c[i]) * scale[i] + shift[i], wide(d[i]) * scale[i] + shift[i]
                    upper, lower = (q if q > p else p), (s if s > r else r)
                    above = wide(b[i]) if q > p else wide(a[i])
                    below = wide(d[i]) if s > r else wide(c[i])
                    passed = zero if (lower if lower > upper else upper) <= zero else wide(gradient[i])
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
                    p, q = wide(a[i]) * scale[i] + shift[i], wide(b[i]) * scale[i] + shift[i]
                    r, s = wide(c[i]) * scale[i] + shift[i], wide(d[i]) * scale[i] + shift[i]
                    upper, lower = (q if q > p else p), (s if s > r else r)
                    passing[i] = zero if (lower if lower > upper else upper) <= zero else scale[i] * wide(gradient[i])
                    place[i] = (3 if s > r else 2) if lower > upper else (1 if q > p else 0)
                for k in range(4):  # one output at a time, which the compiler can turn into vectors
                    pixel = x[n, 2 * row + k // 2, 2 * column + k % 2]
                    to = out[n, 2 * row + k // 2, 2 * column + k % 2]
                    for i in range(channels):
                        line_value = slope[i] * (wide(pixel[i]) - mean[i]) + offset[i]
                        to[i] = narrow(line_value + (passing[i] if place[i] == k else zero), to)
        for y in range(x.shape[1]):
            for z in range(0 if y >= 2 * height else 2 * width, x.shape[2]):  # what no window holds
                pixel, to = x[n, y, z], out[n, y, z]
                for i in range(channels):
                    to[i] = narrow(slope[i] * (wide(pixel[i]) - mean[i]) + offset[i], to)
