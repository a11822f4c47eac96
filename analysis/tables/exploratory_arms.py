"""Every arm in the other metrics."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import ARM_COLUMNS, arm_row

NAME = "exploratory_arms"
ORDER = 120
CHAPTER = "Other metrics (exploratory)"
TITLE = "Every arm"
CAPTION = (
    "No claim is made on these. Average precision depends on the prevalence: see the holdout's counts. Sensitivity "
    "at 90% specificity is read off the holdout's own ROC curve, the threshold chosen anew in each resample; what "
    "thresholds fixed on validation reach is in the table 'operating_points', of runs that keep its scores. "
    "Probabilities and default thresholds are as the class-balanced training gives them; below they are corrected to "
    "the holdout's prevalence."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a metric and arm."""
    rows = [
        arm_row(scored, a)
        for name in study.exploratory
        for scored in study.of(name)
        for a in range(len(scored.block.arms))
    ]
    return pd.DataFrame(rows, columns=list(ARM_COLUMNS))
