"""Differences in net benefit between two arms at a few thresholds."""

from __future__ import annotations

import pandas as pd

from analysis.study.net_benefit import FEWEST_DECIDING, MOST_PAIRS
from analysis.study.study import Study
from analysis.tables.net_benefit import columns, places_of

NAME = "net_benefit_pairwise"
ORDER = 156
CHAPTER = "Other metrics (exploratory)"
TITLE = "Differences in net benefit"
CAPTION = (
    "Net benefit of arm_b less that of arm_a, paired by seed and patient. difference_low and difference_high: joint "
    "95% interval of that threshold alone; difference_band_low and difference_band_high: joint 95% band, "
    "simultaneous over all thresholds of the figure for one pair of arms (not over pairs), empty at thresholds that "
    f"fewer than {FEWEST_DECIDING} patients decide, which it is not over. Of more than {MOST_PAIRS} pairs of a "
    "block, those with its first arm. No claim is made."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a pair of arms and threshold; None where no block has two arms."""
    rows = []
    for curves in study.decisions:
        block, places = curves.block, places_of(curves.thresholds)
        for (a, b), curve in curves.differences.items():
            for t, row in zip(places, columns("difference", curve, places), strict=True):
                rows.append(
                    {
                        "dataset": block.dataset,
                        "n_per_class": block.n_per_class,
                        "arm_a": block.arms[a],
                        "arm_b": block.arms[b],
                        "seeds": len(block.seeds),
                        "scores": curves.kind,
                        "threshold": float(curves.thresholds[t]),
                    }
                    | row
                )
    return pd.DataFrame(rows) if rows else None
