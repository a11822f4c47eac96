"""Which arm loses more than another on a test set from elsewhere."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from analysis.statistics.multiplicity import benjamini_hochberg
from analysis.study.study import Study
from analysis.tables._rows import block_keys, interval_columns

NAME = "external_drop_pairwise"
ORDER = 48
CHAPTER = "A test set from elsewhere"
TITLE = "Which arm loses more there"
CAPTION = (
    "What arm_b loses beyond what arm_a loses, with the joint interval: negative where b carries over better. "
    "Exploratory: no claim is made, the intervals are not corrected, and q is Benjamini and Hochberg's over the pairs "
    "of one test set and n."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a pair of arms and test set; None without any."""
    rows = []
    for there in study.elsewhere:
        pairs = list(combinations(range(len(there.arms)), 2))
        differences = [there.drop_difference(a, b) for a, b in pairs]
        adjusted = benjamini_hochberg([difference.p for difference in differences])
        rows += [
            block_keys(there.scored)
            | {
                "arm_a": there.arms[a],
                "arm_b": there.arms[b],
                "difference": difference.estimate,
                **interval_columns(difference),
                "p": difference.p,
                "q": float(q),
                "estimand": there.scored.estimand,
            }
            for (a, b), difference, q in zip(pairs, differences, adjusted, strict=True)
        ]
    return pd.DataFrame(rows) if rows else None
