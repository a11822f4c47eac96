"""What every arm reaches on a test set from elsewhere at thresholds that were fixed on its own validation."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._operating_points import MEANINGS as MEANINGS
from analysis.tables._operating_points import frame_of

NAME = "external_operating_points"
ORDER = 50
CHAPTER = "A test set from elsewhere"
TITLE = "There, at thresholds fixed on validation"
CAPTION = (
    "The thresholds of the table 'operating_points', which the models bring along from the inner validation of their "
    "training samples, applied to the test sets from elsewhere. Hold the sensitivity and specificity that are reached "
    "against those of validation: a model may rank images elsewhere as well as here, and still call far too many or "
    "too few of them. Test sets that lack a class are left out. Exploratory: not corrected for the number of rows."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a test set, class or label, rule and arm; None where no arm has scores of validation."""
    return frame_of(study.operating_points_elsewhere)
