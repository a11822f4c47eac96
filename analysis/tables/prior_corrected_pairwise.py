"""Every pair of arms on scores corrected to the holdout's prevalence."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import PAIR_COLUMNS, pair_row

NAME = "prior_corrected_pairwise"
ORDER = 144
CHAPTER = "Other metrics (exploratory)"
TITLE = "Every pair of arms, corrected to the holdout's prevalence"
CAPTION = (
    "As the pairs in other metrics above, on corrected scores: exploratory, no claim is made. q_bh: Benjamini-Hochberg "
    "within each metric."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a metric and comparison; None where no block's scores can be corrected."""
    rows = [
        pair_row(comparison) | {"q_bh": comparison.adjusted_p}
        for comparisons in study.corrected_comparisons.values()
        for comparison in comparisons
    ]
    return pd.DataFrame(rows, columns=[*PAIR_COLUMNS, "q_bh", "hedges_g", "p_superior"]) if rows else None
