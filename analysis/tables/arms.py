"""Every arm in the primary metric."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import ARM_COLUMNS, arm_row

NAME = "arms"
ORDER = 10
CHAPTER = "Main results"
TITLE = "Every arm"
CAPTION = (
    "Mean over training seeds, with the joint standard error, Hillis's degrees of freedom (df) and the 95% interval by "
    "the calibrated critical value, about what estimand names; seed_sd is the SD of one training run. Under a plan "
    "with looks: repeated confidence intervals."
)
CAPTION_MODELS = (
    "Every arm's value, for several training seeds their mean, with its standard error over new patients (DeLong's for "
    "AUROC, clustered by patient), its degrees of freedom (df, by Satterthwaite: few where few patients carry it) and "
    "the 95% interval for new patients, the trained models held fixed; seed_sd is the SD over the seeds."
)


def build(study: Study) -> pd.DataFrame:
    """One row an arm: its mean over seeds, with an interval about what is asked."""
    rows = [arm_row(scored, a, 1 - study.level) for scored in study.scored for a in range(len(scored.block.arms))]
    return pd.DataFrame(rows, columns=list(ARM_COLUMNS))
