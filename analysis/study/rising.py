"""Whether fits with about the largest number of epochs still rise at their end: then the cap decides the comparison.

The learning rate decays to zero within a fit, so that the second half of the epochs brings something whatever their
number. A rise must stand in the doubling before as well, from a quarter of the epochs to half of them, where the rate
is still high.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics.inference import quantile
from analysis.study.trials import CELL, Trials

if TYPE_CHECKING:
    import pandas as pd

NEAR_THE_CAP = 0.8  # of the epochs' range, on the log scale, and above
RISING = 0.01  # gain of either doubling, in the tuned metric's units
LEVEL = 0.95  # of the t interval, over cells, that a gain must lie above zero with


@dataclass(frozen=True, slots=True)
class Rise:
    """What the last two doublings of the epochs bring an arm in long fits.

    Attributes:
        dataset, n_per_class, arm: which.
        trials: near the cap, in all cells.
        cells: that have such trials.
        before, before_se: better by so much at half of the epochs than at a quarter, in the tuned metric's units; mean
            over cells, and its standard error (over the trials where there is one cell).
        gain, se: the same at the last epoch against half of them.
    """

    dataset: str
    n_per_class: int
    arm: str
    trials: int
    cells: int
    before: float
    before_se: float
    gain: float
    se: float

    @property
    def flagged(self) -> bool:
        """Whether the arm still rises at the cap."""
        count = self.cells if self.cells > 1 else self.trials
        if count < 2:
            return False
        errors = quantile(0.5 + LEVEL / 2, count - 1)
        doublings = ((self.before, self.before_se), (self.gain, self.se))
        return all(gain > RISING and gain > errors * se for gain, se in doublings)


def rises(trials: Trials) -> Iterator[Rise]:
    """Every arm with trials near the cap whose curves are known, in the order of the tables.

    Of a cell's trials near the cap the better half counts: a learning rate far too low rises whatever the cap is.
    Better is the mean of the values whose differences are taken, so that the choice does not favour a rise.
    """
    if trials.curves is None:
        return
    gains = _gains(trials)
    for (dataset, n, arm), _ in trials.by_arm():
        of_arm = gains[(gains["dataset"] == dataset) & (gains["n_per_class"] == n) & (gains["arm"] == arm)]
        kept = [_better_half(cell)[["before", "gain"]].to_numpy() for _, cell in of_arm.groupby("seed", sort=True)]
        if not kept:
            continue
        means = np.array([cell.mean(axis=0) for cell in kept]) if len(kept) > 1 else kept[0]
        errors = means.std(axis=0, ddof=1) / math.sqrt(len(means)) if len(means) > 1 else np.full(2, np.nan)
        (before, gain), (before_se, se) = map(float, means.mean(axis=0)), map(float, errors)
        yield Rise(dataset, n, arm, sum(map(len, kept)), len(kept), before, before_se, gain, se)


def _gains(trials: Trials) -> pd.DataFrame:
    """One row a trial near the cap: its cell, what the last two doublings gain, and the mean of the three values."""
    import pandas as pd

    assert trials.curves is not None
    least = {arm: _least(trials, arm) for arm in trials.frame["arm"].unique()}
    epochs = trials.frame["parameters"].map(lambda text: json.loads(text).get("epochs", 0))
    near = trials.frame[(epochs >= trials.frame["arm"].map(least)) & (trials.frame["ended"] == "ok")]
    keys = [*CELL, "trial"]
    rows = []
    for key, folds in trials.curves.merge(near[keys], on=keys).groupby(keys, sort=True):
        of_folds = map(_quarter_half_last, folds["checked"], folds["values"])
        known = [values for values in of_folds if values is not None]
        if known:
            quarter, half, last = np.mean(known, axis=0) * trials.metric.sign
            rows.append((*key, half - quarter, last - half, (quarter + half + last) / 3))
    return pd.DataFrame(rows, columns=[*keys, "before", "gain", "level"])


def _least(trials: Trials, arm: str) -> float:
    """The fewest epochs that count as near the cap; infinite where the range is not known, or is one value."""
    for dimension in trials.spaces.get(arm, ()):
        if dimension["name"] == "epochs" and dimension["high"] > dimension["low"]:
            low, high = math.log(dimension["low"]), math.log(dimension["high"])
            return math.exp(low + NEAR_THE_CAP * (high - low))
    return math.inf


def _quarter_half_last(checked: Iterable[int], values: Iterable[float]) -> tuple[float, float, float] | None:
    """A fold's value at a quarter and half of the epochs and at the last; None where one of them is not known."""
    at_epoch = dict(zip(map(int, checked), map(float, values), strict=True))
    last = max(at_epoch, default=0)
    half = math.ceil(last / 2)
    quarter, middle, end = (at_epoch.get(epoch, math.nan) for epoch in (math.ceil(half / 2), half, last))
    return (quarter, middle, end) if half > 1 and math.isfinite(quarter + middle + end) else None


def _better_half(cell: pd.DataFrame) -> pd.DataFrame:
    return cell[cell["level"] >= cell["level"].median()]
