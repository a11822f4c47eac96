"""Rows of what models reach at thresholds that were fixed on validation, wherever they are applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from analysis.study.estimand import WORDS, answered
from analysis.study.operating_points import OperatingPoint
from analysis.tables._rows import Row

MEANINGS = {
    "threshold": "probability from which the class is called; mean over training samples",
    "threshold_sd": "standard deviation of the threshold over training samples",
    "validation_sensitivity": "sensitivity there; mean over training samples",
    "validation_specificity": "specificity on validation, where the threshold was fixed; mean over training samples",
    "prevalence": "share of the images that have the class or label",
    "sensitivity": "share of the images with the class or label that are called so; mean over the models",
    "specificity": "share of the images without it that are not called so; mean over the models",
    "note": "why a predictive value is empty",
}


def frame_of(points: Iterable[Iterable[OperatingPoint]]) -> pd.DataFrame | None:
    """One row a class or label, rule and arm; None where there is no point."""
    rows = [row for of_block in points for point in of_block for row in _rows(point)]
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
