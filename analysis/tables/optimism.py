"""What tuning seems to buy, and what it overstates."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from analysis.study.optimism import optimism
from analysis.study.study import Study

NAME = "optimism"
ORDER = 170
CHAPTER = "Budget"
TITLE = "What tuning bought, and what it overstates"
CAPTION = (
    "Inner validation in the tuned metric: trial 0 (the published default) and the best trial. tuning_gain: how much "
    "better the best trial is. optimism: how much better the best validation value is than the holdout's."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm, in the tuned metric's units; positive gains are better, positive optimism is too good to be true.

    None without trials.
    """
    if study.trials is None:
        return None
    return pd.DataFrame([asdict(row) for row in optimism(study)])
