"""What one arm is worth to another in labelled images."""

from __future__ import annotations

import pandas as pd

from analysis.study.gains import label_gains, named
from analysis.study.study import Study

NAME = "label_gain"
ORDER = 51
CHAPTER = "Main results"
TITLE = "Label-equivalent gain"
CAPTION = (
    "Labelled images per class that arm_a needs to equal arm_b at n_of_b, one row a measured n: where the mean curve "
    "of arm_a over new training samples and new patients, linear in log n between the measured n, reaches the mean "
    "of arm_b there. The 95% interval holds every n at which the joint test does not tell the two apart, each row "
    "for itself. An end that reads '> n' or '< n' is open: the largest (smallest) measured n does not settle it, and "
    "nothing is extrapolated; open_ends says in how many resamples of seeds and patients that was so."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an ordered pair of arms of a data set and an n of the second; None where no data set has two n."""
    rows = [
        {
            "dataset": gain.dataset,
            "metric": study.primary.name,
            "arm_a": gain.arm_a,
            "arm_b": gain.arm_b,
            "n_of_b": gain.n_of_b,
            "n_of_a_to_equal_b": named(gain.labels.labels, gain.sizes),
            "ci_low": named(gain.labels.low, gain.sizes),
            "ci_high": named(gain.labels.high, gain.sizes),
            "resamples_in_range": 1 - gain.labels.before - gain.labels.never,
            "open_ends": gain.reading,
        }
        for gain in label_gains(study)
    ]
    return pd.DataFrame(rows) if rows else None
