"""What the predictions are made on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.predictions.block import Block
from analysis.study.study import Study

NAME = "holdout"
ORDER = 200
CHAPTER = "Data"
TITLE = "Holdout"
CAPTION = "What the predictions are made on: images, groups, and images of each class."


def build(study: Study) -> pd.DataFrame:
    """One row a data set and class; every n of a data set has the same holdout."""
    blocks: dict[str, Block] = {}
    for member in study.blocks:
        blocks.setdefault(member.block.dataset, member.block)
    rows = []
    for name, block in blocks.items():
        for k, label in enumerate(block.classes):
            positive = block.truth[:, k] == 1
            known = ~np.isnan(block.truth[:, k])
            rows.append(
                {
                    "dataset": name,
                    "task": block.task,
                    "class": label,
                    "images": int(positive.sum()),
                    "groups": len(np.unique(block.groups[positive])),
                    "prevalence": float(positive.sum() / known.sum()),
                    "unknown": int((~known).sum()),
                    "images_in_all": len(block.groups),
                    "groups_in_all": block.group_count,
                }
            )
    return pd.DataFrame(rows)
