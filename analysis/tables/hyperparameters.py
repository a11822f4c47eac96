"""The hyper-parameters that were chosen in every cell."""

from __future__ import annotations

import pandas as pd

from analysis.study.chosen import best_trials
from analysis.study.study import Study

NAME = "hyperparameters"
ORDER = 182
CHAPTER = "Budget"
TITLE = "Chosen hyper-parameters"
CAPTION = (
    "The best trial of every cell by its mean over the inner folds (validation, in units of the tuned metric), with "
    "which the models of the holdout's predictions are fitted again on the whole subsample. Trial 0 is the arm's "
    "default. A dimension that an arm does not have is empty."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a cell; None without trials."""
    if study.trials is None:
        return None
    rows = [
        {
            "dataset": dataset,
            "n_per_class": n,
            "arm": arm,
            "seed": chosen.seed,
            "trial": chosen.trial,
            "validation": chosen.value,
            **chosen.parameters,
        }
        for (dataset, n, arm), part in study.trials.by_arm()
        for chosen in best_trials(part, study.trials.metric.sign)
    ]
    frame = pd.DataFrame(rows)
    # Whole numbers with gaps would turn into floats.
    return frame.astype({name: object for name in frame if frame[name].isna().any()}).where(frame.notna(), None)
