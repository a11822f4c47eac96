"""Every comparison held against several margins."""

from __future__ import annotations

import pandas as pd

from analysis.statistics.equivalence import MARGINS, against
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "equivalence"
ORDER = 70
CHAPTER = "Sensitivity"
TITLE = "Equivalence and non-inferiority by margin"
CAPTION = (
    "tost_p: two one-sided tests, not corrected for the number of comparisons (p_equivalent in 'pairwise' is); empty "
    "where p-values are refused. p_below, p_within and p_above: posterior probabilities of a difference below -margin, "
    "inside, and above."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a comparison and margin: equivalence, non-inferiority of b, posterior probabilities.

    `p_below`, `p_within` and `p_above` are of theta < -margin, in between, and > margin, for theta ~ t_df(D, se).
    """
    rows = []
    for comparison in study.comparisons:
        for margin in sorted({*MARGINS, study.margin}):
            held = comparison.equivalence if margin == study.margin else against(comparison.inference, margin)
            rows.append(
                pair_keys(comparison)
                | {
                    "margin": margin,
                    "primary": margin == study.margin,
                    "tost_p": held.tost_p,
                    "equivalent": held.equivalent,
                    "b_noninferior": held.noninferior if study.primary.higher_is_better else held.nonsuperior,
                    "p_below": held.below,
                    "p_within": held.within,
                    "p_above": held.above,
                }
            )
    return pd.DataFrame(rows)
