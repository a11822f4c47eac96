"""The arms again at equal device-seconds instead of equal trials: what a costly arm owes to its greater spending.

In each (data set, n, seed) every arm's sequence of trials is cut off where the cheapest arm has spent all its trials.
Only the final best trial has predictions of the holdout, so the comparison is one of validation values: exploratory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.study.incumbents import Incumbents, incumbents
from analysis.study.trials import Trials

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class EqualSeconds:
    """Two arms of one (data set, n), over the seeds that all its arms have.

    Attributes:
        dataset, n_per_class, arm_a, arm_b: which.
        limits: (S,) device-seconds that the cheapest arm spent on its trials.
        trials: (2, S) finished trials of a and of b by then.
        at_trials: (2, S) best validation values of a and of b after all trials.
        at_seconds: (2, S) the same after `limits`; NaN where an arm had not finished a trial.
    """

    dataset: str
    n_per_class: int
    arm_a: str
    arm_b: str
    limits: Floats
    trials: npt.NDArray[np.intp]
    at_trials: Floats
    at_seconds: Floats


def equal_seconds(trials: Trials) -> Iterator[EqualSeconds]:
    """Every pair of arms of every (data set, n), in the order of the tables; none where some cost is unknown."""
    if trials.frame["seconds"].isna().any():
        return
    curves = incumbents(trials)
    for dataset, n in dict.fromkeys(key[:2] for key in curves):
        of_block = {key[2]: curve for key, curve in curves.items() if key[:2] == (dataset, n)}
        seeds = sorted(set.intersection(*(set(curve.seeds) for curve in of_block.values())))
        arms = {arm: _of_seeds(curve, seeds) for arm, curve in of_block.items()}
        limits = np.min([arm.seconds[:, -1] for arm in arms.values()], axis=0)
        for a, b in combinations(arms, 2):
            pair = (arms[a], arms[b])
            counts = np.array([(arm.seconds <= limits[:, None]).sum(axis=1) for arm in pair])
            yield EqualSeconds(
                dataset=dataset,
                n_per_class=n,
                arm_a=a,
                arm_b=b,
                limits=limits,
                trials=counts,
                at_trials=np.array([arm.values[:, -1] for arm in pair]),
                at_seconds=np.array([_after(arm, count) for arm, count in zip(pair, counts, strict=True)]),
            )


def _of_seeds(arm: Incumbents, seeds: list[int]) -> Incumbents:
    rows = [arm.seeds.index(seed) for seed in seeds]
    return Incumbents(arm.values[rows], arm.seconds[rows], tuple(seeds))


def _after(arm: Incumbents, counts: npt.NDArray[np.intp]) -> Floats:
    """(S,) the incumbent after so many trials of each seed; NaN after none."""
    values = np.take_along_axis(arm.values, np.maximum(counts - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(counts > 0, values, np.nan)
