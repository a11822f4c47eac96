"""AUROC of every arm on every class or label by itself."""

from __future__ import annotations

import math

import pandas as pd

from analysis.study.intervals import arm_interval
from analysis.study.labels import OfLabel
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "labels"
ORDER = 24
CHAPTER = "Main results"
TITLE = "Every class or label by itself"
CAPTION = (
    "AUROC of each class or label against the rest, with its 95% interval; positives and patients are those that have "
    "it. rank_best and rank_worst: confidence set of the rank, simultaneous over the arms within the label, empty "
    "where nothing is tested. Exploratory: no verdict rests on this table, and it is not corrected for the number of "
    "labels."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a label and arm; None where every task is binary."""
    rows = [row for of_block in study.labels for label in of_block for row in _rows(label)]
    return pd.DataFrame(rows) if rows else None


def _rows(label: OfLabel) -> list[Row]:
    scored, block = label.scored, label.block
    ranked = {arm.a: arm for arm in label.ranked}
    rows = []
    for a, arm in enumerate(block.arms):
        low, high = arm_interval(scored, a)
        rows.append(
            {
                "dataset": block.dataset,
                "n_per_class": block.n_per_class,
                "label": label.name,
                "positives": label.positives,
                "patients": label.patients,
                "arm": arm,
                "auroc": scored.values[a].mean(),
                "ci_low": low,
                "ci_high": high,
                "rank": ranked[a].rank if ranked else math.nan,
                "rank_best": ranked[a].best if ranked else math.nan,
                "rank_worst": ranked[a].worst if ranked else math.nan,
            }
        )
    return rows
