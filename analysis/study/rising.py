"""Whether fits with about the largest number of epochs still rise at their end: then the cap decides the comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.study.trials import CELL, Trials

if TYPE_CHECKING:
    import pandas as pd

NEAR_THE_CAP = 0.8  # of the epochs' range, on the log scale, and above
RISING = 0.01  # gain from the half to the last epoch, in the tuned metric's units
ERRORS = 2.0  # standard errors that the gain must exceed


@dataclass(frozen=True, slots=True)
class Rise:
    """What the second half of long fits brings an arm.

    Attributes:
        dataset, n_per_class, arm: which.
        trials: near the cap, in all cells.
        cells: that have such trials.
        gain: better by so much at the last epoch than at half of it, in the tuned metric's units; mean over cells.
        se: standard error of the mean over cells (over the trials where there is one cell).
    """

    dataset: str
    n_per_class: int
    arm: str
    trials: int
    cells: int
    gain: float
    se: float

    @property
    def flagged(self) -> bool:
        """Whether the arm still rises at the cap."""
        return self.gain > RISING and self.gain > ERRORS * self.se


def rises(trials: Trials) -> Iterator[Rise]:
    """Every arm with trials near the cap whose curves are known, in the order of the tables.

    Of a cell's trials near the cap the better half counts: a learning rate far too low rises whatever the cap is.
    Better is the mean of the two values whose difference is taken, so that the choice does not favour a rise.
    """
    if trials.curves is None:
        return
    gains = _gains(trials)
    for (dataset, n, arm), _ in trials.by_arm():
        of_arm = gains[(gains["dataset"] == dataset) & (gains["n_per_class"] == n) & (gains["arm"] == arm)]
        kept = [_better_half(cell)["gain"].to_numpy() for _, cell in of_arm.groupby("seed", sort=True)]
        if not kept:
            continue
        means = np.array([cell.mean() for cell in kept]) if len(kept) > 1 else kept[0]
        se = float(means.std(ddof=1) / math.sqrt(len(means))) if len(means) > 1 else math.nan
        yield Rise(dataset, n, arm, sum(map(len, kept)), len(kept), float(means.mean()), se)


def _gains(trials: Trials) -> pd.DataFrame:
    """One row a trial near the cap: its cell, its gain from the half to the last epoch, and the mean of the two."""
    import pandas as pd

    assert trials.curves is not None
    least = {arm: _least(trials, arm) for arm in trials.frame["arm"].unique()}
    epochs = trials.frame["parameters"].map(lambda text: json.loads(text).get("epochs", 0))
    near = trials.frame[(epochs >= trials.frame["arm"].map(least)) & (trials.frame["ended"] == "ok")]
    keys = [*CELL, "trial"]
    rows = []
    for key, folds in trials.curves.merge(near[keys], on=keys).groupby(keys, sort=True):
        of_folds = map(_half_and_last, folds["checked"], folds["values"])
        pairs = [pair for pair in of_folds if pair is not None]
        if pairs:
            half, last = np.mean(pairs, axis=0) * trials.metric.sign
            rows.append((*key, last - half, (last + half) / 2))
    return pd.DataFrame(rows, columns=[*keys, "gain", "level"])


def _least(trials: Trials, arm: str) -> float:
    """The fewest epochs that count as near the cap; infinite where the range is not known, or is one value."""
    for dimension in trials.spaces.get(arm, ()):
        if dimension["name"] == "epochs" and dimension["high"] > dimension["low"]:
            low, high = math.log(dimension["low"]), math.log(dimension["high"])
            return math.exp(low + NEAR_THE_CAP * (high - low))
    return math.inf


def _half_and_last(checked: Iterable[int], values: Iterable[float]) -> tuple[float, float] | None:
    """A fold's value at half of the epochs and at the last; None where either is not known."""
    at_epoch = dict(zip(map(int, checked), map(float, values), strict=True))
    last = max(at_epoch, default=0)
    half = at_epoch.get(math.ceil(last / 2), math.nan)
    return (half, at_epoch[last]) if last > 1 and math.isfinite(half) and math.isfinite(at_epoch[last]) else None


def _better_half(cell: pd.DataFrame) -> pd.DataFrame:
    return cell[cell["level"] >= cell["level"].median()]
