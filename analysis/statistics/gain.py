"""The label-equivalent gain: how many labels one arm needs to do what another does with few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelGain:
    """A number of labels a class, or that it lies outside the measured range.

    Attributes:
        labels: as text: a number, ``< 100`` or ``> 200``.
        low, high: the 95% interval's ends, likewise.
        in_range: share of resamples that lay inside the range.
    """

    labels: str
    low: str
    high: str
    in_range: float


def equal_at(sizes: Sequence[int], curve: Floats, target: Floats) -> Floats:
    """The n at which a learning curve reaches a target, by monotone interpolation on log n.

    The curve is made monotone by pooling adjacent violators (Barlow et al., Statistical Inference under Order
    Restrictions, 1972), then interpolated linearly in log n.

    Args:
        sizes: (J,) rising n.
        curve: (B, J) values, higher is better.
        target: (B,).

    Returns:
        (B,): n; -inf where the curve is above the target at the smallest n already, inf where it never
        reaches it.
    """
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    rising = monotone(curve)
    labels = np.full(len(rising), np.inf)
    labels[rising[:, 0] > target] = -np.inf
    for j in range(len(sizes) - 1):
        low, high = rising[:, j], rising[:, j + 1]
        here = np.isposinf(labels) & (low <= target) & (target <= high)
        step = np.where(high > low, high - low, 1.0)
        share = np.where(high > low, (target - low) / step, 0.0)
        labels[here] = np.exp(logs[j] + share[here] * (logs[j + 1] - logs[j]))
    return labels


def monotone(curve: Floats) -> Floats:
    """Isotonic regression of each row of (B, J): the nearest rising values, J at least 1.

    By the max-min formula, which is exact and short for the few n that a study has.
    """
    count = curve.shape[1]
    sums = np.concatenate([np.zeros((len(curve), 1)), np.cumsum(curve, axis=1)], axis=1)
    out = np.empty_like(curve, dtype=np.float64)
    for j in range(count):
        best = np.full(len(curve), -np.inf)
        for i in range(j + 1):
            means = [(sums[:, k + 1] - sums[:, i]) / (k + 1 - i) for k in range(j, count)]
            best = np.maximum(best, np.min(means, axis=0))
        out[:, j] = best
    return out


def label_equivalent(
    sizes: Sequence[int],
    curve: Sequence[float],
    target: float,
    curve_draws: Sequence[Floats],
    target_draws: Floats,
    level: float = 0.95,
) -> LabelGain:
    """The gain with a percentile interval; ends outside the measured range are named, not extrapolated.

    Args:
        sizes: (J,) rising n of arm A.
        curve: (J,) arm A's values, higher is better.
        target: arm B's value.
        curve_draws: J arrays (B,) of bootstrap replicates.
        target_draws: (B,) of arm B, under the same resamples.
        level: of confidence.
    """
    point = equal_at(sizes, np.asarray([curve], dtype=np.float64), np.array([target]))[0]
    draws = np.sort(equal_at(sizes, np.stack(curve_draws, axis=1), target_draws))
    # Order statistics, not interpolated quantiles: ends may be infinite.
    low = draws[math.floor((0.5 - level / 2) * (len(draws) - 1))]
    high = draws[math.ceil((0.5 + level / 2) * (len(draws) - 1))]
    inside = float(np.isfinite(draws).mean())
    return LabelGain(_named(point, sizes), _named(low, sizes), _named(high, sizes), inside)


def _named(value: float, sizes: Sequence[int]) -> str:
    if math.isinf(value):
        return f"> {sizes[-1]}" if value > 0 else f"< {sizes[0]}"
    return f"{value:.0f}"
