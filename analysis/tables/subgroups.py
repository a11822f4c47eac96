"""AUROC of every arm in subgroups of the holdout."""

from __future__ import annotations

import math

import pandas as pd

from analysis.study.intervals import fewest_patients
from analysis.study.study import Study
from analysis.study.subgroups import Subgroup
from analysis.tables._rows import Row

NAME = "subgroups"
ORDER = 27
CHAPTER = "Main results"
TITLE = "Subgroups"
CAPTION = (
    "AUROC by what the data set tells of its images (sex, age in years, view, site), at its largest n, with 95% "
    "intervals for the estimand of the main results, and the difference to the first arm in the same subgroup. It is "
    "the mean over the classes that at least 5 patients have and 5 have not in every subgroup shown (classes: how "
    "many of them), so that the values of one attribute can be compared with each other, and not with the main "
    "results. Empty where there are fewer than 20 patients. Where fewest_patients is below 30, the intervals of "
    "differences may be too short. Exploratory: nothing is corrected for the number of subgroups and of arms, and a "
    "difference between two subgroups is not tested."
)
FOLDED = True

VALUES = ("fewest_patients", "auroc", "ci_low", "ci_high", "difference", "difference_low", "difference_high")


def build(study: Study) -> pd.DataFrame | None:
    """One row an (attribute, value, arm); None where nothing is known of the images."""
    rows = [row for subgroup in study.subgroups for row in _rows(subgroup)]
    return pd.DataFrame(rows) if rows else None


def _rows(subgroup: Subgroup) -> list[Row]:
    block, scored = subgroup.block, subgroup.scored
    rows = []
    for a, arm in enumerate(block.arms):
        row: Row = {
            "dataset": block.dataset,
            "n_per_class": block.n_per_class,
            "attribute": subgroup.attribute,
            "value": subgroup.value,
            "images": subgroup.images,
            "patients": subgroup.patients,
            "arm": arm,
            "classes": f"{len(subgroup.classes)} of {len(block.columns)}",
            **dict.fromkeys(VALUES, math.nan),
        }
        if scored is not None:
            row["fewest_patients"] = fewest_patients(scored)
            row["auroc"] = scored.arm(a).estimate
            row["ci_low"], row["ci_high"] = subgroup.intervals[a]
            if a > 0:
                pair = scored.pair(0, a)
                row["difference"] = pair.estimate
                if pair.se > 0:  # else no variance is seen, and the interval would be a point
                    row["difference_low"], row["difference_high"] = pair.interval()
        rows.append(row)
    return rows
