"""What every arm reaches on the holdout at thresholds that were fixed on validation."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._operating_points import MEANINGS as MEANINGS
from analysis.tables._operating_points import frame_of

NAME = "operating_points"
ORDER = 52
CHAPTER = "Operating points"
TITLE = "Thresholds fixed on validation"
CAPTION = (
    "Every model's threshold was fixed without the holdout, on the inner validation of its training sample: each image "
    "scored by the best trial's model of the fold that was not trained on it. Youden's J: where sensitivity + "
    "specificity is largest; 90% specificity: the lowest threshold with at least that. It was then applied to the "
    "holdout: sensitivity, specificity, and predictive values at the holdout's prevalence, with joint 95% intervals "
    "(Wilson's at the effective number of patients). A threshold is a part of its model, so that the variance between "
    "training samples includes it. The folds' models had fewer images than the models that predict the holdout, and "
    "the holdout may differ from the pool, so that a threshold may transfer imperfectly: hold the specificity that is "
    "reached against validation_specificity. One versus rest for several classes or labels; of a binary task the "
    "positive class. Exploratory: not corrected for the number of rows."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a class or label, rule and arm; None where no arm has scores of validation."""
    return frame_of(study.operating_points)
