"""What the images of every class are taken for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.study.confusion import classes_of, confusion, row_shares
from analysis.study.study import Study

NAME = "confusion"
ORDER = 26
CHAPTER = "Main results"
TITLE = "Confusion matrices"
CAPTION = (
    "Images of each class and what they are taken for, as numbers and as shares of their class (rows add up to 1): "
    "mean over seeds and refits, with the standard deviation of the share over seeds. An image is given the class of "
    "its largest probability, a label at a probability of .5 or more; this rule was set beforehand and no threshold is "
    "tuned. Of several labels each has its own matrix, over the images for which it is known."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a (label,) arm, true class and given class."""
    rows = []
    for member in study.blocks:
        block = member.block
        counts, names = confusion(block), classes_of(block)
        shares = row_shares(counts)
        for q, a in np.ndindex(counts.shape[2], counts.shape[0]):
            label = {"label": block.classes[q]} if block.task == "multilabel" else {}
            for truth, given in np.ndindex(len(names), len(names)):
                share = shares[a, :, q, truth, given]
                rows.append(
                    {
                        "dataset": block.dataset,
                        "n_per_class": block.n_per_class,
                        **label,
                        "arm": block.arms[a],
                        "truth": names[truth],
                        "predicted": names[given],
                        "images": counts[a, :, q, truth, given].mean(),
                        "share": share.mean(),
                        "seed_sd": float(np.std(share, ddof=1)) if len(share) > 1 else math.nan,
                    }
                )
    return pd.DataFrame(rows)
