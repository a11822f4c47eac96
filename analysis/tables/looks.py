"""Every comparison at every look of the locked plan so far."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "looks"
ORDER = 22
CHAPTER = "Main results"
TITLE = "The looks so far"
CAPTION = (
    "Looks at the numbers of seeds that the plan fixed. level: what a look spends of .05; spent: up to it. ci_low and "
    "ci_high: repeated confidence interval (Jennison and Turnbull 1989), which at all looks together holds the "
    "difference with 95%; p is of that look alone. p_holm and p_equivalent are corrected over all comparisons and the "
    "looks so far, and the verdict rests on them. An earlier look is computed from its seeds, whether or not it was "
    "taken. The levels add up to .05, which holds whatever the looks have in common (Bonferroni). They go by the share "
    "of the seeds, which is not that of the information: the patients' part of the variance is the same at every look, "
    "so that an early look knows more than its share, and the more so the larger that part is. The rule is careful "
    "there, never too lenient."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a comparison and look; None without a plan with looks."""
    rows = [
        pair_keys(comparison)
        | {
            "look": looks.number,
            "seeds": looks.at,
            "level": looks.level,
            "spent": looks.spent,
            "difference": comparison.estimate,
            "ci_low": comparison.interval[0],
            "ci_high": comparison.interval[1],
            "p": comparison.inference.p,
            "p_holm": comparison.adjusted_p,
            "p_equivalent": comparison.equivalent_p,
            "verdict": comparison.verdict,
        }
        for same_pair in zip(*study.at_looks, strict=True)
        for comparison in same_pair
        for looks in [comparison.looks]
        if looks is not None
    ]
    return pd.DataFrame(rows) if rows else None
