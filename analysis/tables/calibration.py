"""Whether probabilities mean what they say."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.inference import Inference
from analysis.study.calibration import calibration
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "calibration"
ORDER = 150
CHAPTER = "Other metrics (exploratory)"
TITLE = "Calibration"
CAPTION = (
    "Recalibration intercept and slope (0 and 1 are perfect) with joint intervals; the calibration error is debiased "
    "and descriptive."
)


def build(study: Study) -> pd.DataFrame:
    """One row an arm; with several classes or labels, means over one-versus-rest problems."""
    rows = []
    for member in study.blocks:
        block = member.block
        for a, arm in enumerate(block.arms):
            fit = calibration(block, a)
            rows.append(
                {"dataset": block.dataset, "n_per_class": block.n_per_class, "arm": arm, "seeds": len(block.seeds)}
                | _columns("intercept", fit.intercept)
                | _columns("slope", fit.slope)
                | {"calibration_error_debiased": fit.error}
            )
    return pd.DataFrame(rows)


def _columns(name: str, inference: Inference | None) -> Row:
    estimate = math.nan if inference is None else inference.estimate
    low, high = (math.nan, math.nan) if inference is None else inference.interval()
    return {name: estimate, f"{name}_low": low, f"{name}_high": high}
