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
CAPTION = (
    "p_holm over all differences; p_holm_within and p_shaffer (three arms) within one data set and n. p_family, which "
    "the verdicts use, and p_family_equivalent: differences and claims of equivalence as one family."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a comparison: Holm over all, Holm and (for three arms) Shaffer within its block, and the family's."""
    rows = []
    over_all = dict(
        zip(study.comparisons, holm([comparison.inference.p for comparison in study.comparisons]), strict=True)
    )
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
                    "p_holm": over_all[comparison],
                    "p_holm_within": within[place],
                    "p_shaffer": shaffer[place],
                    "p_family": comparison.adjusted_p,
                    "p_equivalent": comparison.equivalence.tost_p,
                    "p_family_equivalent": comparison.equivalent_p,
                }
            )
    return pd.DataFrame(rows)
