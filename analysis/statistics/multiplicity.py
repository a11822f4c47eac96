"""Many comparisons at once: family-wise corrections and claims over several data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p: Sequence[float]) -> Floats:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 1979), (P,); NaN stay, and do not count."""
    return _step_down(p, lambda remaining: remaining)


def family(differences: Sequence[float], equivalences: Sequence[float]) -> tuple[Floats, Floats]:
    """Adjusted p-values of P pairs that each may be called different or equivalent, as one family of 2P hypotheses.

    Holm's procedure, restricted by logic (Shaffer, JASA 1986): that a pair's difference is zero and that it is beyond
    the margin cannot both be true, so that the multiplier is the number of pairs of which not both hypotheses have been
    rejected yet. The chance of any false claim, of either kind, is at most alpha.

    Args:
        differences: (P,) p-values of no difference, NaN where refused.
        equivalences: (P,) p-values of a difference beyond the margin (TOST), NaN likewise.

    Returns:
        (P,) and (P,) adjusted; NaN stay, and do not count.
    """
    pairs = len(differences)
    p = np.concatenate([np.asarray(differences, dtype=np.float64), np.asarray(equivalences, dtype=np.float64)])
    adjusted = np.full(2 * pairs, np.nan)
    order = [i for i in np.argsort(p, kind="stable") if not np.isnan(p[i])]
    left = Counter(i % pairs for i in order)
    running = 0.0
    for i in order:
        running = max(running, min(1.0, len(left) * p[i]))
        adjusted[i] = running
        left[i % pairs] -= 1
        if not left[i % pairs]:
            del left[i % pairs]
    return adjusted[:pairs], adjusted[pairs:]


def shaffer_three(p: Sequence[float]) -> Floats:
    """Shaffer's adjusted p-values (JASA 1986), (3,), for all three pairs of three arms: multipliers 3, 1, 1.

    Once one pair differs, at most one of the other two can be equal. Where a p-value is NaN, refused, the others are
    corrected for their own number, as by Holm.

    Raises:
        ValueError: not three p-values.
    """
    if len(p) != 3:
        raise ValueError(f"Shaffer's multipliers here are for three pairs, not {len(p)}")
    if np.isnan(np.asarray(p, dtype=np.float64)).any():
        return holm(p)
    return _step_down(p, lambda remaining: 3 if remaining == 3 else 1)


def benjamini_hochberg(p: Sequence[float]) -> Floats:
    """Benjamini and Hochberg's q-values of the false discovery rate (JRSS B 1995), (P,); NaN stay, and do not count."""
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    order = [i for i in np.argsort(values, kind="stable") if not np.isnan(values[i])]
    running = 1.0
    for place in range(len(order), 0, -1):
        running = min(running, values[order[place - 1]] * len(order) / place)
        adjusted[order[place - 1]] = running
    return adjusted


def intersection_union(p: Sequence[float]) -> float:
    """The p-value of "on every data set": the largest (Berger, Technometrics 1982)."""
    return float(np.max(np.asarray(p, dtype=np.float64)))


def partial_conjunction(p: Sequence[float], least: int) -> float:
    """The p-value of "on at least u of K data sets", u = `least`: (K - u + 1) p_(u), at most 1.

    Benjamini and Heller (Biometrics 2008).

    Raises:
        ValueError: `least` is not in 1..K.
    """
    if not 1 <= least <= len(p):
        raise ValueError(f"at least {least} of {len(p)} makes no sense")
    return float(min(1.0, (len(p) - least + 1) * np.sort(np.asarray(p, dtype=np.float64))[least - 1]))


def _step_down(p: Sequence[float], multiplier: Callable[[int], int]) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    order = [i for i in np.argsort(values, kind="stable") if not np.isnan(values[i])]
    running = 0.0
    for place, i in enumerate(order):
        running = max(running, min(1.0, multiplier(len(order) - place) * values[i]))
        adjusted[i] = running
    return adjusted
