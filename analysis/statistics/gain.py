"""The label-equivalent gain: how many labels one arm needs to do what another does with few.

The estimand is the n at which arm A's mean learning curve, over new training samples and new patients, equals arm B's
mean at a target n. The curve is what the measured n say: values at them, linear in log n between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import joint

Floats = npt.NDArray[np.float64]

PRECISION = 1e-4  # of an interval's end, in log n


@dataclass(frozen=True, slots=True)
class LabelGain:
    """A number of labels a class; -inf where it lies below the smallest measured n, inf where above the largest.

    Attributes:
        labels: the estimate.
        low, high: the 95% interval's ends, -inf or inf where it is open; NaN where no interval is given.
        before, never: shares of resamples in which the target is passed at the smallest n already, and in which it is
            not reached at the largest.
    """

    labels: float
    low: float
    high: float
    before: float
    never: float


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
    curve: Floats,
    target: Floats,
    covariance: Floats,
    overlaps: Sequence[float],
    refits: Floats | None = None,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """How many labels arm A needs to equal arm B, with the interval of all n at which the two do not differ.

    The test of `joint` on A(n) - B is inverted: the lower end is the first n at which A is not significantly below B,
    the upper end the last at which it is not significantly above. So the interval covers as that test does, whatever
    the slope of the curve (Fieller, JRSS B 1954), and the only thing asked of the curve is that it crosses once.

    Args:
        sizes: (J,) rising n.
        curve: (J, S) arm A's values, higher is better; the seeds are those of `target`.
        target: (S,) arm B's values at its own n.
        covariance: ((J + 1) S, (J + 1) S) of the curve's values, n by n, and then the target's, over new patients.
        overlaps: (J + 1,) rho of the training samples at each n, and at the target's. A difference across n gets the
            largest of those that it is made of: training samples are nested in n, and the mean over the largest of
            them bounds what they share.
        refits: (J + 1, S, R) what the values are the means of, as in `joint`, where there are any.
        level: of confidence.

    Returns:
        The estimate and both ends: n, or -inf (below the smallest) or inf (above the largest).
    """
    point = float(equal_at(sizes, curve.mean(axis=1)[None], target.mean()[None])[0])
    seeds, steps = len(target), len(sizes) - 1
    values = np.vstack([curve, target])
    blocks = covariance.reshape(steps + 2, seeds, steps + 2, seeds)

    def ends(position: float, segment: int) -> tuple[float, float]:
        """The interval of A - B at a position from 0 to J - 1, as a point of a segment between two n."""
        weights = np.zeros(steps + 2)
        weights[segment : segment + 2] = 1 - (position - segment), position - segment
        weights[-1] -= 1
        between = np.asarray(np.tensordot(np.tensordot(weights, blocks, 1), weights, (1, 0)))
        rho = max(overlaps[i] for i in range(steps + 2) if weights[i])
        of_refits = None if refits is None else np.tensordot(weights, refits, 1)
        return joint(weights @ values, between, rho, of_refits).interval(level)

    # From the left for the lower end; the upper one is the same from the right, with the difference turned around.
    low = _first(range(steps), lambda x, j: ends(x, j)[1], 0)
    high = _first(range(steps - 1, -1, -1), lambda x, j: -ends(x, j)[0], 1)
    return point, min(_size(low, sizes), point), max(_size(high, sizes), point)


def _first(segments: Sequence[int], reach: Callable[[float, int], float], entry: int) -> float:
    """Where a function first stops being negative on a walk through the segments.

    Args:
        segments: j from one end of the range to the other; segment j lies between positions j and j + 1.
        reach: of a position and the segment it is taken in; it changes sign once within a segment.
        entry: 0 where the walk goes to the right, 1 where to the left.

    Returns:
        A position; an infinity on the walk's own side where it is not negative at the start, on the other where it is
        negative all the way.
    """
    from scipy.optimize import brentq

    start = -math.inf if entry == 0 else math.inf
    for number, j in enumerate(segments):
        enter, leave = j + entry, j + 1 - entry
        if reach(enter, j) >= 0:
            return start if number == 0 else float(enter)
        if reach(leave, j) >= 0:
            return float(brentq(reach, j, j + 1, args=(j,), xtol=PRECISION))
    return -start


def _size(position: float, sizes: Sequence[int]) -> float:
    """The n at a position between measured ones; infinities stay."""
    if math.isinf(position):
        return position
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    return float(np.exp(np.interp(position, np.arange(len(sizes)), logs)))
