"""One cell, start to end: tune, refit, predict the holdout, write the tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark import metrics
from benchmark.intact import sums_in
from benchmark.results import (
    CELL_FILES,
    COST_COLUMNS,
    COSTS,
    CURVE_COLUMNS,
    CURVES,
    DONE,
    PREDICTION_COLUMNS,
    PREDICTIONS,
    STUDY,
    TRIAL_COLUMNS,
    TRIALS,
    TableInfo,
    write_json,
    write_table,
)
from benchmark.spec import Cell
from studies import spaces
from studies.trainer import CellJob, Trainer
from studies.tune import Search, Trial, best, tune

Scores = npt.NDArray[np.float32]


def run_cell(
    job: CellJob,
    finished: Callable[[Trial], None] = lambda trial: None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Run a cell, or continue it where it stopped, and return its summary metrics.

    The cell's folder then holds the study's journal, the trials, their costs and curves, the predictions and done.json,
    which is written last.

    Args:
        job: the cell.
        finished: called after each newly finished trial.
        check: called before anything is written; raises where the cell is no longer this process's.

    Raises:
        RuntimeError: every trial diverged.
        InputError: as `tune`.
    """
    cell, spec = job.cell, job.spec
    trainer = Trainer(job)
    search = Search(
        journal=cell.folder(job.run) / STUDY,
        cell=cell.key,
        space=spaces.space(trainer.arm, spec.min_epochs, spec.max_epochs, spec.backbone),
        default=spaces.default(trainer.arm, spec.min_epochs, spec.max_epochs, spec.backbone),
        sampler=spec.sampler,
        higher_is_better=trainer.metric.higher_is_better,
        root_seed=spec.root_seed,
    )
    trials = tune(search, spec.budget, trainer.evaluate, finished, check)
    chosen = best(trials, trainer.metric.higher_is_better)
    if chosen.outcome.ended != "ok":
        raise RuntimeError(f"every one of the {spec.budget} trials of {cell.key} diverged: nothing to refit")
    features = trainer.data.features
    used, computed = features.used, features.computed
    scores = [trainer.refit(chosen.parameters, refit) for refit in range(spec.refits)]
    used = features.used - used + sum(trial.outcome.features_used for trial in trials)
    computed = features.computed - computed + sum(trial.outcome.features_computed for trial in trials)
    features.close()
    check()
    return _write(job, trials, chosen, scores, {"used": used, "computed": computed}, trainer.model)


def trial_row(cell: Cell, trial: Trial) -> dict[str, Any]:
    """A finished trial as a row of the trials table."""
    outcome = trial.outcome
    return _cell_columns(cell) | {
        "trial": trial.number,
        "state": "COMPLETE",
        "value": outcome.value,
        "fold_values": list(outcome.fold_values),
        "parameters": json.dumps(dict(trial.parameters), sort_keys=True),
        "epochs": outcome.epochs,
        "images_seen": outcome.images_seen,
        "ended": outcome.ended,
    }


def cost_row(cell: Cell, trial: Trial) -> dict[str, Any]:
    """What a finished trial cost, as a row of the costs table."""
    outcome = trial.outcome
    return _cell_columns(cell) | {
        "trial": trial.number,
        "seconds": outcome.seconds,
        "peak_memory_mb": outcome.peak_memory_mb,
    }


def curve_rows(cell: Cell, trial: Trial) -> list[dict[str, Any]]:
    """How a finished trial went by epoch, as rows of the curves table, one a fold."""
    return [
        _cell_columns(cell)
        | {
            "trial": trial.number,
            "fold": fold,
            "losses": list(curve.losses),
            "checked": list(curve.checked),
            "values": list(curve.values),
        }
        for fold, curve in enumerate(trial.outcome.curves)
    ]


def _cell_columns(cell: Cell) -> dict[str, Any]:
    return {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}


def _write(
    job: CellJob,
    trials: Sequence[Trial],
    chosen: Trial,
    scores: Sequence[Scores],
    features: Mapping[str, int],
    model: Mapping[str, Any] | None,
) -> dict[str, float]:
    cell, block = job.cell, job.block
    folder = cell.folder(job.run)
    write_table(folder / TRIALS, pd.DataFrame([trial_row(cell, trial) for trial in trials]), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame([cost_row(cell, trial) for trial in trials]), COST_COLUMNS)
    curves = [row for trial in trials for row in curve_rows(cell, trial)]
    write_table(folder / CURVES, pd.DataFrame(curves, columns=list(CURVE_COLUMNS)), CURVE_COLUMNS)
    predictions = [
        pd.DataFrame(
            _cell_columns(cell)
            | {
                "refit": refit,
                "sample_id": block.holdout_ids,
                "group_id": block.holdout_groups,
                "y_true": list(block.holdout_labels),
                "y_score": list(score),
            }
        )
        for refit, score in enumerate(scores)
    ]
    info = TableInfo({cell.dataset: block.classes}, {cell.dataset: block.task}, {cell.dataset: block.facts})
    write_table(folder / PREDICTIONS, pd.concat(predictions), PREDICTION_COLUMNS, info)
    summary = _summary(job, trials, chosen, scores)
    if features["used"]:
        summary["feature_hits"] = 1 - features["computed"] / features["used"]
    done = {
        "cell": _cell_columns(cell),
        "budget": len(trials),
        "best_trial": chosen.number,
        "features": dict(features),
        "model": None if model is None else dict(model),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "metrics": summary,
        "files": sums_in(folder, CELL_FILES),
    }
    write_json(folder / DONE, done)
    return summary


def _summary(job: CellJob, trials: Sequence[Trial], chosen: Trial, scores: Sequence[Scores]) -> dict[str, float]:
    """Best validation value, device-seconds, and every metric on the holdout, its mean over the refits."""
    block = job.block
    summary = {"best_validation": chosen.outcome.value, "seconds": sum(trial.outcome.seconds for trial in trials)}
    for name in metrics.names():
        values = [metrics.find(name).value(block.task, block.holdout_labels, score) for score in scores]
        summary[f"holdout_{name}"] = float(np.mean(values))
    return summary
