"""Metrics that are functions of sums over images: their value, and what each group contributes to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.metrics import Metric
from benchmark.sums import Numbers, Sums, join

Floats = npt.NDArray[np.float64]


def of_sums(metric: Metric, sums: Sums) -> Numbers:
    """A metric of (..., Q) sums: the mean over problems, (...). Works on complex sums, for `influence`."""
    assert metric.of_sums is not None
    return np.asarray(metric.of_sums(sums).mean(axis=-1))


def influence(metric: Metric, shared: Floats, own: Floats) -> tuple[float, Floats]:
    """A metric of sums and what each group contributes to it, to first order.

    Args:
        metric: one of sums.
        shared, own: (G, Q, K) and (G, Q, 2K + 2), the `benchmark.sums.parts` summed within groups.

    Returns:
        The value, and (G,) contributions: the gradient of the metric at the total, times the group's sums.
        They add up to zero, and G/(G-1) times their sum of squares estimates the variance over new groups
        (the infinitesimal jackknife; Efron and Stein, Annals of Statistics 1981). The gradient is taken by
        complex steps, which are exact to rounding (Squire and Trapp, SIAM Review 1998).
    """
    sums = np.concatenate([shared, own], axis=-1)
    split = shared.shape[-1]
    total = sums.sum(axis=0)
    step = 1e-20
    bumps = np.eye(total.size).reshape(total.size, *total.shape) * (1j * step)
    moved = total + bumps
    gradient = of_sums(metric, join(moved[..., :split], moved[..., split:])).imag / step
    value = float(of_sums(metric, join(total[..., :split], total[..., split:])))
    return value, np.asarray(sums.reshape(len(sums), -1) @ gradient)
