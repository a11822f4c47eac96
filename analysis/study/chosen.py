"""The best trial of every cell: what was chosen, and fitted again on the whole subsample."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best trial of a cell: the seed, the trial's number, its validation value and its hyper-parameters."""

    seed: int
    trial: int
    value: float
    parameters: Mapping[str, Any]


def best_trials(part: pd.DataFrame, sign: int) -> list[Chosen]:
    """The best trial of every seed, the first of equal ones.

    Args:
        part: the trials of one arm, as `Trials.by_arm` gives them.
        sign: 1 where higher is better, else -1.
    """
    rows = []
    for _, cell in part.groupby("seed", sort=True):
        best = cell.iloc[int((sign * cell["value"]).to_numpy().argmax())]
        parameters = json.loads(str(best["parameters"]))
        rows.append(Chosen(int(best["seed"]), int(best["trial"]), float(best["value"]), parameters))
    return rows
