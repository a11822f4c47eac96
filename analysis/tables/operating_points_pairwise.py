"""Differences between two arms at thresholds that were fixed on validation."""

from __future__ import annotations

import pandas as pd

from analysis.study.estimand import WORDS, answered
from analysis.study.operating_points import COMPARED, MOST_PAIRS
from analysis.study.study import Study

NAME = "operating_points_pairwise"
ORDER = 53
CHAPTER = "Operating points"
TITLE = "Differences at these thresholds"
CAPTION = (
    "Sensitivity and specificity of arm_b less those of arm_a, each at its own threshold, paired by seed and patient, "
    "with joint 95% intervals. Read both together: the arm that gives up specificity gains sensitivity by that alone. "
    f"Of more than {MOST_PAIRS} pairs of a block, those with its first arm. No claim is made, and nothing is corrected."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a class or label, rule and pair of arms; None where no two arms have scores of validation."""
    rows = [
        {
            "dataset": point.block.dataset,
            "n_per_class": point.block.n_per_class,
            "label": point.name,
            "rule": point.rule,
            "arm_a": point.block.arms[a],
            "arm_b": point.block.arms[b],
            **{
                f"{rate}_difference{end}": value
                for rate in COMPARED
                for end, value in zip(("", "_low", "_high"), of_pair[rate], strict=True)
            },
            "seeds": len(point.block.seeds),
            "estimand": WORDS[answered(point.block)],
        }
        for of_block in study.operating_points
        for point in of_block
        for (a, b), of_pair in point.differences.items()
    ]
    return pd.DataFrame(rows) if rows else None
