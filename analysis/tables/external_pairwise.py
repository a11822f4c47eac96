"""Every comparison of two arms on every test set from elsewhere."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import CLAIM_COLUMNS, claim_row

NAME = "external_pairwise"
ORDER = 46
CHAPTER = "A test set from elsewhere"
TITLE = "Every pair of arms there"
CAPTION = (
    "As the table 'pairwise', on the test sets from elsewhere: difference arm_b - arm_a with its joint interval. The "
    "claims on one test set are a family of their own (Holm), apart from those on the own holdout and on other test "
    "sets; they count for what they say of that test set."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a comparison and test set; None without any."""
    rows = [claim_row(comparison) for there in study.elsewhere for comparison in there.comparisons]
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS)) if rows else None
