"""The comparison at equal trials beside that at equal device-seconds, in validation values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.study.equal_seconds import equal_seconds
from analysis.study.incumbents import band
from analysis.study.study import Study

NAME = "equal_seconds"
ORDER = 165
CHAPTER = "Budget"
TITLE = "Equal trials against equal device-seconds (exploratory)"
CAPTION = (
    "Difference b - a of the best validation values, mean over seeds with its paired 95% t interval: after all trials, "
    "which is the primary budget, and with every arm's trials cut off where the block's cheapest arm has spent all of "
    "its own (seconds; trials_a and trials_b are what fits in). Validation values, as only the final best trial "
    "predicts the holdout: too good to be true, not corrected for multiplicity, and no claim is made on them. In the "
    "tuned metric's units; seconds are of this machine."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a pair of arms; None without trials, or where a cost is unknown."""
    if study.trials is None:
        return None
    rows = []
    for pair in equal_seconds(study.trials):
        known = np.isfinite(pair.at_seconds).all(axis=0)
        if not known.any():
            continue
        row = {
            "dataset": pair.dataset,
            "n_per_class": pair.n_per_class,
            "metric": study.trials.metric.name,
            "arm_a": pair.arm_a,
            "arm_b": pair.arm_b,
            "seeds": int(known.sum()),
            "seconds": float(pair.limits[known].mean()),
            "trials_a": float(pair.trials[0, known].mean()),
            "trials_b": float(pair.trials[1, known].mean()),
        }
        for name, values in (("trials", pair.at_trials), ("seconds", pair.at_seconds)):
            mean, low, high = band((values[1] - values[0])[known, None])
            row |= {f"at_equal_{name}": mean[0], f"{name}_ci_low": low[0], f"{name}_ci_high": high[0]}
        rows.append(row)
    return pd.DataFrame(rows)
