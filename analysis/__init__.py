"""What may be concluded from holdout predictions: estimates, intervals, tests, tables and figures.

Four names are for use from outside, and imported when they are first asked for:

- `read_predictions`: a run's folder or a Parquet file to checked arrays;
- `compare`: every pair of arms, jointly over training samples and patients;
- `write_report`: the same with all tables, figures and a page;
- `macro_auc`: AUROCs of many models on the same patients, and their covariance.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.predictions.reading import read_predictions
    from analysis.report import write_report
    from analysis.statistics.auc import macro_auc
    from analysis.study.comparison import compare

__all__ = ["compare", "macro_auc", "read_predictions", "write_report"]

_HOMES = {
    "compare": "analysis.study.comparison",
    "macro_auc": "analysis.statistics.auc",
    "read_predictions": "analysis.predictions.reading",
    "write_report": "analysis.report",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
