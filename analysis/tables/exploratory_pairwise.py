"""Every pair of arms in the other metrics."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import PAIR_COLUMNS, pair_row

NAME = "exploratory_pairwise"
ORDER = 130
CHAPTER = "Other metrics (exploratory)"
TITLE = "Every pair of arms"
CAPTION = (
    "95% intervals, each of one row alone; q_bh: Benjamini-Hochberg within each metric. For log-loss and Brier score "
    "lower is better."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a metric and comparison; no claim is made."""
    rows = [
        pair_row(comparison) | {"q_bh": comparison.adjusted_p}
        for name in study.exploratory
        for comparison in study.exploratory_comparisons(name)
    ]
    return pd.DataFrame(rows, columns=[*PAIR_COLUMNS, "q_bh", "hedges_g", "p_superior"])
