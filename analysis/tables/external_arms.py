"""Every arm on every test set from elsewhere."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import ARM_COLUMNS, arm_row

NAME = "external_arms"
ORDER = 45
CHAPTER = "A test set from elsewhere"
TITLE = "Every arm there"
CAPTION = (
    "As the table 'arms', on the test sets from elsewhere: mean over training seeds, with the joint standard error and "
    "95% interval."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm and test set; None without any."""
    rows = [arm_row(there.scored, a) for there in study.elsewhere for a in range(len(there.arms))]
    return pd.DataFrame(rows, columns=list(ARM_COLUMNS)) if rows else None
