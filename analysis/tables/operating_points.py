"""What every arm reaches on the holdout at thresholds that were fixed on validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.study.estimand import WORDS, answered
from analysis.study.operating_points import OperatingPoint
from analysis.study.study import Study
from analysis.tables._rows import Row

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
MEANINGS = {
    "threshold": "probability from which the class is called; mean over training samples",
    "threshold_sd": "standard deviation of the threshold over training samples",
    "validation_sensitivity": "sensitivity there; mean over training samples",
    "validation_specificity": "specificity on validation, where the threshold was fixed; mean over training samples",
    "prevalence": "share of the holdout's images that have the class or label",
    "sensitivity": "share of the holdout's images with the class or label that are called so; mean over the models",
    "specificity": "share of the holdout's images without it that are not called so; mean over the models",
    "note": "why a predictive value is empty",
}


def build(study: Study) -> pd.DataFrame | None:
    """One row a class or label, rule and arm; None where no arm has scores of validation."""
    rows = [row for of_block in study.operating_points for point in of_block for row in _rows(point)]
    return pd.DataFrame(rows) if rows else None


def _rows(point: OperatingPoint) -> Iterator[Row]:
    block = point.block
    for a, arm in enumerate(block.arms):
        thresholds = point.thresholds[a]
        sensitivity, specificity = point.validated[a].mean(axis=0)
        yield {
            "dataset": block.dataset,
            "n_per_class": block.n_per_class,
            "label": point.name,
            "rule": point.rule,
            "arm": arm,
            **_reached(point, "sensitivity", a),
            **_reached(point, "specificity", a),
            "validation_specificity": specificity,
            **_reached(point, "ppv", a),
            **_reached(point, "npv", a),
            "prevalence": point.prevalence,
            "threshold": thresholds.mean(),
            "threshold_sd": np.std(thresholds, ddof=1) if len(thresholds) > 1 else np.nan,
            "validation_sensitivity": sensitivity,
            "seeds": len(block.seeds),
            "estimand": WORDS[answered(block)],
            "note": _note(point, a),
        }


def _reached(point: OperatingPoint, rate: str, a: int) -> Row:
    return {f"{rate}{end}": value for end, value in zip(("", "_low", "_high"), point.rates[rate][a], strict=True)}


def _note(point: OperatingPoint, a: int) -> str | None:
    models = len(point.block.seeds) * point.block.scores.shape[2]
    words = {"ppv": "no image is called positive", "npv": "every image is called positive"}
    notes = [
        f"{text} by {count} of {models} models" for rate, text in words.items() if (count := point.without[rate][a])
    ]
    return "; ".join(notes) or None
