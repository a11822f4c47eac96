"""Every comparison of two arms in the primary metric."""

from __future__ import annotations

import pandas as pd

from analysis.statistics.power import detectable
from analysis.study.study import Study
from analysis.tables._rows import PAIR_COLUMNS, pair_row

NAME = "pairwise"
ORDER = 20
CHAPTER = "Main results"
TITLE = "Every pair of arms"
CAPTION = (
    "Difference arm_b - arm_a, paired by seed and patient (Obuchowski-Rockette, Hillis's df). p_holm is adjusted over "
    "every row of this table. hedges_g: difference over the seeds' SD; p_superior: share of seeds in which b beats a; "
    "mdd: smallest true difference that this design finds with 80% power; rho: overlap of the training subsamples."
)

COLUMNS = [*PAIR_COLUMNS, "p_holm", "verdict", "hedges_g", "p_superior", "mdd", "rho"]


def build(study: Study) -> pd.DataFrame:
    """One row a comparison, tested jointly over seeds and patients; Holm over the table."""
    rows = [
        pair_row(comparison)
        | {
            "p_holm": comparison.adjusted_p,
            "verdict": comparison.verdict,
            "mdd": detectable(comparison.inference),
            "rho": comparison.scored.block.rho,
        }
        for comparison in study.comparisons
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
