"""What one arm is worth to another in labelled images."""

from __future__ import annotations

import pandas as pd

from analysis.study.gains import label_gains
from analysis.study.study import Study

NAME = "label_gain"
ORDER = 50
CHAPTER = "Main results"
TITLE = "Label-equivalent gain"
CAPTION = (
    "Labelled images per class that arm_a needs to equal arm_b at the smallest n, by monotone interpolation on log n; "
    "not extrapolated beyond the measured range."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an ordered pair of arms of a data set; None where no data set has two n."""
    rows = [
        {
            "dataset": gain.dataset,
            "metric": study.primary.name,
            "arm_a": gain.arm_a,
            "arm_b": gain.arm_b,
            "n_of_b": gain.n_of_b,
            "n_of_a_to_equal_b": gain.labels.labels,
            "ci_low": gain.labels.low,
            "ci_high": gain.labels.high,
            "resamples_in_range": gain.labels.in_range,
        }
        for gain in label_gains(study)
    ]
    return pd.DataFrame(rows) if rows else None
