"""Every primary p-value under several corrections."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.multiplicity import holm, shaffer_three
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "multiplicity"
ORDER = 80
CHAPTER = "Sensitivity"
TITLE = "Corrections for many comparisons"
CAPTION = "p_holm over all; p_holm_within and p_shaffer (three arms) within one data set and n."
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a comparison: Holm over all, and Holm and (for three arms) Shaffer within its block."""
    rows = []
    for scored in study.scored:
        comparisons = study.comparisons_of(scored)
        p = [comparison.inference.p for comparison in comparisons]
        within = holm(p)
        shaffer = shaffer_three(p) if len(p) == 3 else [math.nan] * len(p)
        for place, comparison in enumerate(comparisons):
            rows.append(
                pair_keys(comparison)
                | {
                    "p": p[place],
                    "p_holm": comparison.adjusted_p,
                    "p_holm_within": within[place],
                    "p_shaffer": shaffer[place],
                }
            )
    return pd.DataFrame(rows)
