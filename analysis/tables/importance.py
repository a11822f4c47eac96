"""Which hyper-parameters mattered."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.study.importance import Importance, importances
from analysis.study.study import Study

NAME = "importance"
ORDER = 184
CHAPTER = "Budget"
TITLE = "Importance of the hyper-parameters (exploratory)"
CAPTION = (
    "In every cell the ranks of the trials' validation values are regressed (ridge) on the hyper-parameters, straight "
    "and squared on the scale of their search. explained: share of the variance that this predicts for a trial that is "
    "left out; importance: what of it is lost without the hyper-parameter; means over the seeds, with the standard "
    "deviation over them. Below zero is noise; cells of fewer than 20 trials are left out. Exploratory: the sampler "
    "seeks good trials and does not cover the space evenly, and hyper-parameters that act together are understated."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a dimension of an arm, the most important first; None without trials or search spaces."""
    if study.trials is None:
        return None
    arms: dict[tuple[str, int, str], list[Importance]] = {}
    for importance in importances(study.trials):
        arms.setdefault((importance.dataset, importance.n_per_class, importance.arm), []).append(importance)
    rows = [
        {
            "dataset": importance.dataset,
            "n_per_class": importance.n_per_class,
            "arm": importance.arm,
            "hyperparameter": importance.dimension,
            "seeds": len(importance.losses),
            "importance": importance.losses.mean(),
            "seed_sd": float(np.std(importance.losses, ddof=1)) if len(importance.losses) > 1 else math.nan,
            "explained": importance.explained.mean(),
        }
        for of_arm in arms.values()
        for importance in sorted(of_arm, key=lambda one: -one.losses.mean())
    ]
    return pd.DataFrame(rows) if rows else None
