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
    "Is b better than a, and is b worse, on at least so many data sets? p_at_least: partial conjunction of one-sided "
    "p-values (Benjamini and Heller 2008); p_all: on every one (intersection-union), the same in all rows of a "
    "direction. Both are doubled, as both directions are tried (Bonferroni over the two), and not "
    "corrected over n and pairs. Rank tests over data sets need 6 of them: below, they cannot reach .05."
)
DIRECTIONS = ("b better", "b worse")


def build(study: Study) -> pd.DataFrame | None:
    """One row for each n, pair, direction and number of data sets; None for one data set."""
    families: dict[tuple[int, str, str], list[Comparison]] = {}
    for comparison in study.comparisons:
        key = (comparison.n_per_class, comparison.arm_a, comparison.arm_b)
        families.setdefault(key, []).append(comparison)
    rows = [
        {
            "n_per_class": n,
            "arm_a": arm_a,
            "arm_b": arm_b,
            "direction": direction,
            "datasets": len(p),
            "on_at_least": least,
            "p_at_least": _doubled(partial_conjunction(p, least)),
            "p_all": _doubled(intersection_union(p)),
        }
        for (n, arm_a, arm_b), comparisons in families.items()
        if len(comparisons) > 1 and not any(math.isnan(comparison.inference.p) for comparison in comparisons)
        for direction in DIRECTIONS
        for p in ([_one_sided(comparison, direction) for comparison in comparisons],)
        for least in range(1, len(p) + 1)
    ]
    return pd.DataFrame(rows) if rows else None


def _one_sided(comparison: Comparison, direction: str) -> float:
    """The p-value of "b is better" or "b is worse" on one data set: a claim with a direction."""
    p = comparison.inference.p
    agrees = comparison.favours_b == (direction == "b better")  # either way one half for no difference, whose p is 1
    return p / 2 if agrees else 1 - p / 2


def _doubled(p: float) -> float:
    return min(1.0, 2 * p)
