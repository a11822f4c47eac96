"""How many trials an arm needs to do what another does at the end."""

from __future__ import annotations

import pandas as pd

from analysis.study.incumbents import crossing, incumbents
from analysis.study.study import Study

NAME = "crossing"
ORDER = 180
CHAPTER = "Budget"
TITLE = "Trials until another arm's end is reached"
CAPTION = (
    "Area under the best-so-far curve (mean over trials and seeds), and the first trial at which the mean incumbent "
    "reaches the final mean of the arm named in 'against'. In the tuned metric's units."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row an ordered pair of arms of a block; None without trials."""
    if study.trials is None:
        return None
    higher_is_better = study.trials.metric.higher_is_better
    curves = incumbents(study.trials)
    rows = []
    for (dataset, n, arm), mine in curves.items():
        mean = mine.values.mean(axis=0)
        for (other_dataset, other_n, other), theirs in curves.items():
            if (dataset, n) != (other_dataset, other_n) or arm == other:
                continue
            needed = crossing(mean, float(theirs.values[:, -1].mean()), higher_is_better)
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
