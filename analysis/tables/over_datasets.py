"""Whether an arm is better on several data sets."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.multiplicity import intersection_union, partial_conjunction
from analysis.study.comparison import Comparison
from analysis.study.study import Study

NAME = "over_datasets"
ORDER = 30
CHAPTER = "Main results"
TITLE = "Claims over the data sets"
CAPTION = (
    "Is b better than a on at least so many data sets? One-sided partial-conjunction p-values; p_all is for every one "
    "(intersection-union). Rank tests over data sets need 6 of them: below, they cannot reach .05."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row for each n, pair and number of data sets; None for one data set."""
    families: dict[tuple[int, str, str], list[float]] = {}
    for comparison in study.comparisons:
        key = (comparison.n_per_class, comparison.arm_a, comparison.arm_b)
        families.setdefault(key, []).append(_one_sided(comparison))
    rows = [
        {
            "n_per_class": n,
            "arm_a": arm_a,
            "arm_b": arm_b,
            "datasets": len(p),
            "b_better_on_at_least": least,
            "p_at_least": partial_conjunction(p, least),
            "p_all": intersection_union(p),
        }
        for (n, arm_a, arm_b), p in families.items()
        if len(p) > 1 and not any(map(math.isnan, p))
        for least in range(1, len(p) + 1)
    ]
    return pd.DataFrame(rows) if rows else None


def _one_sided(comparison: Comparison) -> float:
    """The p-value of "b is better": the claim has a direction."""
    p = comparison.inference.p
    return p / 2 if comparison.favours_b else 1 - p / 2
