"""The arms in order, each with the ranks that the data leave open to it."""

from __future__ import annotations

import pandas as pd

from analysis.study.intervals import arm_interval
from analysis.study.study import Study
from analysis.tables._rows import Row, block_keys

NAME = "rank_sets"
ORDER = 12
CHAPTER = "Main results"
TITLE = "Ranks, and how sure they are"
CAPTION = (
    "Arms from best to worst. rank_best and rank_worst: the confidence set of the rank, 95% for all arms of this page "
    "together, from the simultaneous intervals of all differences (Mogstad, Romano, Shaikh and Wilhelm 2024): an arm "
    "is surely below as many others as have an interval on that side of zero, surely above as many as have one on the "
    "other, and the ranks between are open. Equal sets do not mean equal arms."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm of a block with three arms or more; None where there is none, or none is tested."""
    rows: list[Row] = []
    for scored in study.scored:
        for ranked in study.rankings(scored):
            low, high = arm_interval(scored, ranked.a)
            rows.append(
                block_keys(scored)
                | {
                    "arm": ranked.arm,
                    "rank": ranked.rank,
                    "rank_best": ranked.best,
                    "rank_worst": ranked.worst,
                    "estimate": scored.values[ranked.a].mean(),
                    "ci_low": low,
                    "ci_high": high,
                    "estimand": scored.estimand,
                }
            )
    return pd.DataFrame(rows) if rows else None
