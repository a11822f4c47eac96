"""The best trial so far, against trials and against device-seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from analysis.statistics.inference import quantile
from analysis.study.trials import Trials

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Incumbents:
    """The validation value of the best trial so far, of every seed of one arm.

    Attributes:
        values: (S, T), in the tuned metric's units, never worse along a row.
        seconds: (S, T) device-seconds spent by then; NaN where costs are unknown.
        seeds: (S,) their numbers.
    """

    values: Floats
    seconds: Floats
    seeds: tuple[int, ...]

    def at(self, seconds: Floats) -> Floats:
        """(S, len(seconds)) the incumbent at given times; NaN before a seed's first trial has ended."""
        best = np.full((len(self.values), len(seconds)), np.nan)
        for s, (values, spent) in enumerate(zip(self.values, self.seconds, strict=True)):
            place = np.searchsorted(spent, seconds, side="right") - 1
            best[s] = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
        return best


def incumbents(trials: Trials) -> dict[tuple[str, int, str], Incumbents]:
    """(data set, n, arm) -> its incumbents; only as many trials as every seed has."""
    best = np.maximum if trials.metric.higher_is_better else np.minimum
    of_arms = {}
    for key, part in trials.by_arm():
        groups = [(seed, group.sort_values("trial")) for seed, group in part.groupby("seed", sort=True)]
        seeds = [group for _, group in groups]
        count = min(len(group) for group in seeds)
        values = np.stack([group["value"].to_numpy(dtype=np.float64)[:count] for group in seeds])
        seconds = np.stack([group["seconds"].to_numpy(dtype=np.float64)[:count] for group in seeds])
        names = tuple(int(cast(int, seed)) for seed, _ in groups)
        of_arms[key] = Incumbents(best.accumulate(values, axis=1), np.cumsum(seconds, axis=1), names)
    return of_arms


def band(values: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean over seeds of (S, T) and its pointwise t interval: three (T,). One seed has no interval: NaN."""
    seeds = len(values)
    mean = values.mean(axis=0)
    if seeds < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    half = quantile(0.5 + level / 2, seeds - 1) * values.std(axis=0, ddof=1) / math.sqrt(seeds)
    return mean, mean - half, mean + half


def crossing(mean: Floats, target: float, higher_is_better: bool = True) -> int | None:
    """Trials after which a mean incumbent reaches a target; None where it never does."""
    reached = np.flatnonzero(mean >= target if higher_is_better else mean <= target)
    return int(reached[0]) + 1 if len(reached) else None
