"""What the best of so many random trials is expected to be."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.statistics.expected_maximum import expected_maximum
from analysis.study.study import Study

NAME = "expected_maximum"
ORDER = 190
CHAPTER = "Budget"
TITLE = "Expected best of a random search"
CAPTION = (
    "Validation value to expect of the best of so many random trials, without bias (Tang et al. 2020), mean over "
    "seeds. Trial 0, the published default, is not random and left out. Only a random sampler has such a curve: the "
    "trials of one that learns depend on one another."
)
FOLDED = True

SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm and number of trials, up to what every seed has; None where the sampler is not random."""
    if study.trials is None or study.trials.sampler != "random":
        return None
    metric = study.trials.metric
    rows = []
    for (dataset, n, arm), part in study.trials.by_arm():
        drawn = [seed["value"].to_numpy() for _, seed in part[part["trial"] > 0].groupby("seed", sort=True)]
        count = min((len(values) for values in drawn), default=0)
        curves = np.array([metric.sign * expected_maximum(metric.sign * values)[:count] for values in drawn])
        rows += [
            {
                "dataset": dataset,
                "n_per_class": n,
                "metric": metric.name,
                "arm": arm,
                "seeds": len(drawn),
                "trials": trials,
                "expected_best": float(curves[:, trials - 1].mean()),
            }
            for trials in sorted({count, *SHOWN})
            if 0 < trials <= count
        ]
    return pd.DataFrame(rows)
