"""Net benefit of acting on a model at a few thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.statistics.inference import Inference
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "net_benefit"
ORDER = 155
CHAPTER = "Other metrics (exploratory)"
TITLE = "Net benefit"
CAPTION = (
    "True positives less false ones at the threshold's odds, an image (Vickers and Elkin 2006), where all images at or "
    "above the threshold is acted on; several classes or labels are averaged, one versus rest. Scores are corrected to "
    "the holdout's prevalence where training's is known. gain: less the better of acting on all images and on none, "
    "which is 0. Joint 95% intervals, threshold by threshold."
)
FOLDED = True

THRESHOLDS = (0.06, 0.1, 0.2, 0.3, 0.5)  # of `analysis.study.net_benefit.GRID`


def build(study: Study) -> pd.DataFrame:
    """One row an arm and threshold."""
    rows = []
    for curves in study.decisions:
        block = curves.block
        for a, arm in enumerate(block.arms):
            for threshold in THRESHOLDS:
                t = int(np.abs(curves.thresholds - threshold).argmin())
                rows.append(
                    {
                        "dataset": block.dataset,
                        "n_per_class": block.n_per_class,
                        "arm": arm,
                        "seeds": len(block.seeds),
                        "scores": curves.kind,
                        "threshold": float(curves.thresholds[t]),
                    }
                    | _columns("net_benefit", curves.arm(a, t))
                    | {"treat_all": float(curves.treat_all[t])}
                    | _columns("gain", curves.gain(a, t))
                )
    return pd.DataFrame(rows)


def _columns(name: str, inference: Inference) -> Row:
    low, high = inference.interval()
    return {name: inference.estimate, f"{name}_low": low, f"{name}_high": high}
