"""Which hyper-parameters mattered in the search: exploratory, from the trials alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.statistics.regression import explained
from analysis.study.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

FEWEST_TRIALS = 20  # of a cell, below which its regression says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Importance:
    """One dimension of an arm.

    Attributes:
        dataset, n_per_class, arm, dimension: which.
        losses: (S,) what leaving it out takes from the share of variance that is explained, of every seed.
        explained: (S,) that share with all dimensions.
    """

    dataset: str
    n_per_class: int
    arm: str
    dimension: str
    losses: Floats
    explained: Floats


def importances(trials: Trials) -> Iterator[Importance]:
    """Every dimension of every arm; none where the run does not tell its search spaces, or cells have few trials.

    In every cell the ranks of the trials' values are regressed on all dimensions, straight and squared on the scale of
    their search, alternatives as indicators, and on all but one. Ranks, as a diverged trial has the worst value there
    is.
    """
    for (dataset, n, arm), part in trials.by_arm():
        space = trials.spaces.get(arm, ())
        cells = [cell for _, cell in part.groupby("seed", sort=True) if len(cell) >= FEWEST_TRIALS]
        if not space or not cells:
            continue
        losses, full = zip(*(_of_cell(cell, space) for cell in cells), strict=True)
        for place, dimension in enumerate(space):
            of_seeds = np.array([of_cell[place] for of_cell in losses])
            yield Importance(dataset, n, arm, str(dimension["name"]), of_seeds, np.array(full))


def _of_cell(cell: pd.DataFrame, space: Sequence[Mapping[str, Any]]) -> tuple[list[float], float]:
    """What leaving out every dimension takes, and the share that all explain."""
    from scipy.stats import rankdata

    drawn = [json.loads(str(text)) for text in cell["parameters"]]
    parts = [_columns(dimension, [parameters.get(dimension["name"]) for parameters in drawn]) for dimension in space]
    ranks = np.asarray(rankdata(cell["value"].to_numpy()), dtype=np.float64)
    full = explained(np.hstack(parts), ranks)
    without = [np.hstack([part for other, part in enumerate(parts) if other != place]) for place in range(len(parts))]
    return [full - explained(columns, ranks) for columns in without], full


def _columns(dimension: Mapping[str, Any], values: Sequence[Any]) -> Floats:
    """(T, P) columns of one dimension; none of one that trials lack."""
    if any(value is None for value in values):
        return np.empty((len(values), 0))
    if dimension["kind"] == "choice":
        return np.array([[float(value == choice) for choice in dimension["choices"][1:]] for value in values])
    numbers = np.array(values, dtype=np.float64)
    scaled = np.log(numbers) if dimension["log"] else numbers
    centred = scaled - scaled.mean()
    return np.stack([centred, centred**2], axis=1)
