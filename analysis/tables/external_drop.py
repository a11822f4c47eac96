"""What every arm loses on every test set from elsewhere."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import block_keys, interval_columns

NAME = "external_drop"
ORDER = 47
CHAPTER = "A test set from elsewhere"
TITLE = "What every arm loses there"
CAPTION = (
    "drop: how much worse the metric is on the test set from elsewhere than on the own holdout (negative where it is "
    "better), with the joint 95% interval for new training samples and new patients of both: the difference is formed "
    "within each training seed, and the patients' variances add up, as the patients are others. Each interval stands "
    "by itself: nothing is corrected or claimed. own is of the same classes; it differs from the table 'arms' where "
    "the map leaves classes out. With fewer than 30 patients of a class, or an AUROC of 1, here or there, the "
    "intervals may be too short. A drop may come from the patients, the devices, the labels or the prevalence of what "
    "is hard; it does not say which."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm and test set; None without any."""
    rows = []
    for there in study.elsewhere:
        for a, arm in enumerate(there.arms):
            drop = there.drop(a)
            rows.append(
                block_keys(there.scored)
                | {
                    "arm": arm,
                    "seeds": len(there.scored.block.seeds),
                    "own": float(there.own.values[a].mean()),
                    "elsewhere": float(there.scored.values[a].mean()),
                    "drop": drop.estimate,
                    **interval_columns(drop),
                    "estimand": there.scored.estimand,
                }
            )
    return pd.DataFrame(rows) if rows else None
