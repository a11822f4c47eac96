"""Budgets: the best so far against trials and seconds, areas, crossings, and expected maxima."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis import budget
from analysis.inference import quantile

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Incumbents:
    """The validation value of the best trial so far, of every seed of one arm.

    Attributes:
        values: (S, T), rising along each row.
        seconds: (S, T) device-seconds spent by then; NaN where costs are unknown.
    """

    values: Floats
    seconds: Floats

    def at(self, seconds: Floats) -> Floats:
        """(S, len(seconds)) the incumbent at given times; NaN before a seed's first trial has ended."""
        found = np.full((len(self.values), len(seconds)), np.nan)
        for s, (values, spent) in enumerate(zip(self.values, self.seconds, strict=True)):
            place = np.searchsorted(spent, seconds, side="right") - 1
            found[s] = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
        return found


def incumbents(trials: pd.DataFrame) -> dict[tuple[str, int, str], Incumbents]:
    """(data set, n, arm) -> its incumbents; only as many trials as every seed has."""
    found = {}
    for key, part in budget.arms_of(trials):
        seeds = [group.sort_values("trial") for _, group in part.groupby("seed", sort=True)]
        count = min(len(group) for group in seeds)
        values = np.stack([group["value"].to_numpy(dtype=np.float64)[:count] for group in seeds])
        seconds = np.stack([group["seconds"].to_numpy(dtype=np.float64)[:count] for group in seeds])
        found[key] = Incumbents(np.maximum.accumulate(values, axis=1), np.cumsum(seconds, axis=1))
    return found


def band(values: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean over seeds of (S, T) and its pointwise t interval: three (T,). One seed has no interval: NaN."""
    seeds = len(values)
    mean = values.mean(axis=0)
    if seeds < 2:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    half = quantile(0.5 + level / 2, seeds - 1) * values.std(axis=0, ddof=1) / math.sqrt(seeds)
    return mean, mean - half, mean + half


def crossing(mean: Floats, target: float) -> int | None:
    """Trials after which a mean incumbent reaches a target; None where it never does."""
    reached = np.flatnonzero(mean >= target)
    return int(reached[0]) + 1 if len(reached) else None


def table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair of arms of a block: area under an arm's curve, and when it passes the other's
    end."""
    import pandas as pd

    found = incumbents(trials)
    rows = []
    for (dataset, n, arm), mine in found.items():
        for (other_dataset, other_n, other), theirs in found.items():
            if (dataset, n) != (other_dataset, other_n) or arm == other:
                continue
            mean = mine.values.mean(axis=0)
            needed = crossing(mean, float(theirs.values[:, -1].mean()))
            rows.append(
                {
                    "dataset": dataset,
                    "n_per_class": n,
                    "arm": arm,
                    "area": float(mean.mean()),
                    "final": float(mean[-1]),
                    "against": other,
                    "trials_to_its_final": "never" if needed is None else str(needed),
                }
            )
    return pd.DataFrame(rows)


def expected_maximum(values: Floats, unbiased: bool = True) -> Floats:
    """Expected best of n trials of a random search, n = 1..N, from N values.

    Only for independent trials: a sampler that learns (TPE) has no such curve.

    Args:
        values: (N,) validation values.
        unbiased: sum_i v_(i) C(i-1, n-1) / C(N, n) (Tang et al., ACL 2020); else with replacement, which is
            biased
            downwards (Dodge et al., EMNLP 2019).

    Returns:
        (N,).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    i = np.arange(1, count + 1)
    out = np.empty(count)
    for n in range(1, count + 1):
        if unbiased:
            chance = np.array([math.comb(int(k) - 1, n - 1) / math.comb(count, n) for k in i])
        else:
            chance = (i / count) ** n - ((i - 1) / count) ** n
        out[n - 1] = float(ordered @ chance)
    return out
