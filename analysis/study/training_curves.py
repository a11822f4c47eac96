"""How the best trials of every arm went, by the share of their epochs that had passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.study.chosen import best_trials
from analysis.study.trials import CELL, Trials

Floats = npt.NDArray[np.float64]

SHARES = np.linspace(0.05, 1, 20)  # of a trial's epochs
CHECKED = (0.125, 0.25, 0.5, 1.0)  # shares at which fits are validated, or nearly
NEAR = 0.08  # of a share, as epochs are whole numbers


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCurves:
    """One arm of a block.

    Attributes:
        dataset, n_per_class, arm: which.
        losses: (S, 20) training loss at `SHARES` of the epochs, the mean over the folds of a cell's best trial.
        values: (S, 4) the tuned metric on validation at `CHECKED`; NaN where a seed was not validated there.
    """

    dataset: str
    n_per_class: int
    arm: str
    losses: Floats
    values: Floats


def training_curves(trials: Trials) -> Iterator[TrainingCurves]:
    """Every arm whose curves were kept; none without a table of curves."""
    if trials.curves is None:
        return
    by_arm: dict[Any, Any] = dict(iter(trials.curves.groupby(CELL[:3], sort=False)))
    for (dataset, n, arm), part in trials.by_arm():
        kept = by_arm.get((dataset, n, arm))
        if kept is None:
            continue
        best = best_trials(part, trials.metric.sign)
        folds = [kept[(kept["seed"] == chosen.seed) & (kept["trial"] == chosen.trial)] for chosen in best]
        seeds = [of_seed for of_seed in folds if len(of_seed) and all(map(len, of_seed["losses"]))]
        if seeds:
            losses = [np.mean([_at_shares(losses) for losses in seed["losses"]], axis=0) for seed in seeds]
            values = [
                np.mean(
                    [
                        _at_checks(checked, values, len(losses))
                        for checked, values, losses in zip(seed["checked"], seed["values"], seed["losses"], strict=True)
                    ],
                    axis=0,
                )
                for seed in seeds
            ]
            yield TrainingCurves(dataset, n, arm, np.array(losses), np.array(values))


def _at_shares(losses: npt.NDArray[np.float32]) -> Floats:
    """(20,) losses at shares of the epochs, linear between epochs."""
    passed = np.arange(1, len(losses) + 1) / len(losses)
    return np.asarray(np.interp(SHARES, passed, losses.astype(np.float64)))


def _at_checks(checked: npt.NDArray[np.int32], values: npt.NDArray[np.float32], epochs: int) -> Floats:
    """(4,) validation values at the checks, NaN where none is near."""
    shares = np.asarray(checked, dtype=np.float64) / epochs
    at = np.full(len(CHECKED), np.nan)
    for place, share in enumerate(CHECKED):
        if len(shares) and abs(shares - share).min() <= NEAR * max(share, 0.5):
            at[place] = values[abs(shares - share).argmin()]
    return at
