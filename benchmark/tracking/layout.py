"""What is called what in MLflow: experiments, runs, keys, parameters, metrics. Pure functions, no mlflow.

One experiment holds one (data set, n per class). In it each cell is a *study* run, which carries what is
compared (the charts show such runs alone), and beneath it are its trials and its final refit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

DATABASE = "mlflow.db"
LOCK = "mlflow.lock"
ARTIFACTS = "artifacts"

KEY = "benchmark.key"
TRIAL = "benchmark.trial"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"

#: The objective of a trial, and the best of it up to a trial; `best_validation` is the last of these.
VALIDATION = "validation"
BEST_SO_FAR = "best_so_far"
BEST = "best_validation"


class CellLike(Protocol):
    """Whatever names one study."""

    @property
    def dataset(self) -> str:
        """The data set."""

    @property
    def n_per_class(self) -> int:
        """Labelled images per class."""

    @property
    def seed(self) -> int:
        """The training subsample."""

    @property
    def arm(self) -> str:
        """What is compared."""


def experiment_name(cell: CellLike) -> str:
    """``phantom-n100``; MLflow takes no '/' in it."""
    return f"{cell.dataset.replace('/', '_')}-n{cell.n_per_class}"


def folder_name(experiment: str) -> str:
    """An experiment's name as a folder, with nothing that a URI would read in its own way."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", experiment)


def study_key(run: str, cell: CellLike) -> str:
    """What finds a study's MLflow run again: ``RUN/phantom/n100/seed03/scratch``."""
    dataset = cell.dataset.replace("/", "_")
    return f"{run}/{dataset}/n{cell.n_per_class}/seed{cell.seed:02d}/{cell.arm}"


def study_name(cell: CellLike) -> str:
    """``scratch seed03``, the name in legends."""
    return f"{cell.arm} seed{cell.seed:02d}"


def study_parameters(cell: CellLike, facts: Mapping[str, Any]) -> dict[str, str]:
    """What a study is compared by. The budget is not among them: a larger one continues a study."""
    parameters = {
        "dataset": cell.dataset,
        "n_per_class": str(cell.n_per_class),
        "seed": str(cell.seed),
        "arm": cell.arm,
    }
    if "backbone" in facts:
        parameters["backbone"] = str(facts["backbone"])
    return parameters


def study_tags(run: str, cell: CellLike, facts: Mapping[str, Any]) -> dict[str, str]:
    """Key, origin and description of a study."""
    return {
        KEY: study_key(run, cell),
        "benchmark.kind": "study",
        "benchmark.run": run,
        "mlflow.source.name": "benchmark.run",
        "mlflow.source.type": "LOCAL",
        NOTE: _study_note(run, cell, facts),
    }


def trial_parameters(trial: Mapping[str, Any]) -> dict[str, str]:
    """The tuned parameters of a row of the trials table, as MLflow keeps them."""
    return {name: str(value) for name, value in sorted(json.loads(trial["parameters"]).items())}


def trial_metrics(trial: Mapping[str, Any], cost: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a row of the trials and of the costs table; what is not a finite number is left out."""
    metrics = {VALIDATION: trial.get("value")}
    folds = trial.get("fold_values")
    for fold, value in enumerate(folds if folds is not None else ()):
        metrics[f"fold_{fold}"] = value
    for name in ("epochs", "images_seen"):
        metrics[name] = trial.get(name)
    for name in ("seconds", "peak_memory_mb"):
        metrics[name] = cost.get(name)
    return finite(metrics)


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers alone: MLflow raises on None, and draws NaN and infinity as absurd bars."""
    return {
        name: float(value) for name, value in metrics.items() if value is not None and math.isfinite(value)
    }


def is_sound(trial: Mapping[str, Any]) -> bool:
    """Whether a trial has a value that may be the best: a diverged one has none."""
    value = trial.get("value")
    return trial.get("ended", "ok") == "ok" and value is not None and math.isfinite(value)


def _study_note(run: str, cell: CellLike, facts: Mapping[str, Any]) -> str:
    lines = [
        f"**{cell.arm}** on **{cell.dataset}**, {cell.n_per_class} labelled images per class, "
        f"training subsample {cell.seed}, run `{run}`.",
        "",
        "Expand the run for its trials and its final refit. `best_so_far` is the best mean over the inner "
        "folds up to a trial; `holdout_*` are the scores of the final refit, which tuning never saw.",
        "",
    ]
    for name, value in sorted(facts.items()):
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        lines.append(f"- {name}: {text}")
    return "\n".join(lines).rstrip()[:5000]
