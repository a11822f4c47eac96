"""Whether the longest fits are better than somewhat shorter ones: then the cap on epochs decides the comparison.

Whole fits are compared, not the parts of one: the learning rate decays within a fit, so that its second half brings
something whatever the number of epochs is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics.inference import quantile
from analysis.study.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

FIFTH = 0.2  # of the epochs' range, on the log scale: the top one is compared with the one below it
LEAST = 2  # trials of a cell in either
RISING = 0.01  # gain, in the tuned metric's units
LEVEL = 0.95  # of the t interval, over cells, that the gain must lie above zero with


@dataclass(frozen=True, slots=True)
class Rise:
    """What the last fifth of the range of epochs brings an arm.

    Attributes:
        dataset, n_per_class, arm: which.
        trials: in the top fifth, in all cells that count.
        cells: that have enough trials in it and in the fifth below.
        gain, se: by which they are better, in the tuned metric's units; mean over cells, and its standard error.
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
        return self.cells > 1 and self.gain > max(RISING, quantile(0.5 + LEVEL / 2, self.cells - 1) * self.se)


def rises(trials: Trials) -> Iterator[Rise]:
    """Every arm whose cells have trials in both fifths, in the order of the tables.

    The better half of a cell's trials in each counts: what a learning rate far from any good one reaches says nothing
    of the cap. Halves of neighbouring fifths have been searched about as long, so that neither is much better tuned.
    """
    for (dataset, n, arm), part in trials.by_arm():
        place = _places(part, trials, arm)
        gains, count = [], 0
        for _, cell in part.assign(place=place)[part["ended"] == "ok"].groupby("seed", sort=True):
            top, below = (cell[cell["place"] == number]["value"] * trials.metric.sign for number in (0, 1))
            if min(len(top), len(below)) >= LEAST:
                gains.append(_better_half(top) - _better_half(below))
                count += len(top)
        if gains:
            error = float(np.std(gains, ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan
            yield Rise(dataset, n, arm, count, len(gains), float(np.mean(gains)), error)


def _places(part: pd.DataFrame, trials: Trials, arm: str) -> pd.Series:
    """Of each trial, 0 in the top fifth of the range of epochs and 1 in the one below; NaN without such a range."""
    epochs = part["parameters"].map(lambda text: json.loads(text).get("epochs", math.nan)).astype(float)
    for dimension in trials.spaces.get(arm, ()):
        if dimension["name"] == "epochs" and dimension["high"] > dimension["low"]:
            fifth = FIFTH * math.log(dimension["high"] / dimension["low"])
            places: pd.Series = np.log(dimension["high"] / epochs) // fifth
            return places
    return epochs * math.nan


def _better_half(values: pd.Series) -> float:
    """The mean of the better half, the middle one included."""
    return float(np.sort(values)[-math.ceil(len(values) / 2) :].mean())
