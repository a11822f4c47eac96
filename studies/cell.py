"""One cell, start to end: tune, refit, predict the holdout, write the tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark import metrics
from benchmark.errors import InputError
from benchmark.images.training_block import ExternalSet
from benchmark.intact import sums_in
from benchmark.results import (
    CELL_FILES,
    COST_COLUMNS,
    COSTS,
    CURVE_COLUMNS,
    CURVES,
    DONE,
    OWN_FILES,
    PREDICTION_COLUMNS,
    PREDICTIONS,
    STUDY,
    TRIAL_COLUMNS,
    TRIALS,
    VALIDATION,
    TableInfo,
    external_files,
    read_json,
    read_table,
    write_json,
    write_table,
)
from benchmark.spec import Cell
from studies import spaces
from studies.fitter import trainer_of
from studies.trainer import CellJob
from studies.tune import Search, Trial, best, tune
from studies.validation import ValidationScores, write_scores

Scores = npt.NDArray[np.float32]


def run_cell(
    job: CellJob,
    finished: Callable[[Trial], None] = lambda trial: None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Run a cell, or continue it where it stopped, and return its summary metrics.

    The cell's folder then holds the study's journal, the trials, their costs and curves, the best trial's scores of
    validation, the predictions and done.json, which is written last.

    Args:
        job: the cell.
        finished: called after each newly finished trial.
        check: called before anything is written; raises where the cell is no longer this process's.

    Raises:
        RuntimeError: every trial diverged.
        InputError: as `tune`.
    """
    cell, spec = job.cell, job.spec
    trainer = trainer_of(job)
    search = Search(
        journal=cell.folder(job.run) / STUDY,
        cell=cell.key,
        space=spaces.space(job.method, spec.min_epochs, spec.max_epochs, job.backbone),
        default=spaces.default(job.method, spec.min_epochs, spec.max_epochs, job.backbone),
        sampler=spec.sampler,
        higher_is_better=trainer.metric.higher_is_better,
        root_seed=spec.root_seed,
    )
    before = finished_before(job)  # looked at first: without its journal a cell begins anew
    validation = ValidationScores(trainer, check)
    trials = tune(search, spec.budget, trainer.evaluate, finished, check, validation.keep)
    chosen = best(trials, trainer.metric.higher_is_better)
    if chosen.outcome.ended != "ok":
        raise RuntimeError(f"every one of the {spec.budget} trials of {cell.key} diverged: nothing to refit")
    validated = validation.of(chosen) if before is None else None  # a finished cell's tables stay as they are
    features = trainer.data.features
    used, computed = features.used, features.computed
    scores: list[Scores] = []
    there = () if before is None else external_files(before)
    elsewhere: dict[ExternalSet, list[Scores]] = {of: [] for of in job.block.external if of.file not in there}
    for refit in range(spec.refits):
        network = trainer.fit_subsample(chosen.parameters, refit)
        scores.append(trainer.predict_holdout(network))
        for external, of_external in elsewhere.items():
            of_external.append(trainer.predict_external(network, external))
    used = features.used - used + sum(trial.outcome.features_used for trial in trials)
    computed = features.computed - computed + sum(trial.outcome.features_computed for trial in trials)
    features.close()
    check()
    if before is not None:
        return _add(job, before, scores, elsewhere)
    made_of = {"used": used, "computed": computed}
    summary = _write(job, trials, chosen, validated, scores, elsewhere, made_of, trainer.model)
    validation.close()
    return summary


def trial_row(cell: Cell, trial: Trial) -> dict[str, Any]:
    """A finished trial as a row of the trials table."""
    outcome = trial.outcome
    return asdict(cell) | {
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
    return asdict(cell) | {
        "trial": trial.number,
        "seconds": outcome.seconds,
        "peak_memory_mb": outcome.peak_memory_mb,
    }


def curve_rows(cell: Cell, trial: Trial) -> list[dict[str, Any]]:
    """How a finished trial went by epoch, as rows of the curves table, one a fold."""
    return [
        asdict(cell)
        | {
            "trial": trial.number,
            "fold": fold,
            "losses": list(curve.losses),
            "checked": list(curve.checked),
            "values": list(curve.values),
        }
        for fold, curve in enumerate(trial.outcome.curves)
    ]


def finished_before(job: CellJob) -> dict[str, Any] | None:
    """The done.json of a cell that is finished but for test sets from elsewhere; None where the cell is not.

    Whether its files are whole was looked at when the run started; here they must be there.
    """
    folder = job.cell.folder(job.run)
    with suppress(OSError, InputError):
        described = read_json(folder / DONE)
        whole = all((folder / name).is_file() for name in CELL_FILES)
        if whole and isinstance(described, dict) and described.get("budget") == job.spec.budget:
            return described if set(CELL_FILES) <= set(described.get("files", ())) else None
    return None


def _add(
    job: CellJob, before: dict[str, Any], scores: Sequence[Scores], elsewhere: Mapping[ExternalSet, Sequence[Scores]]
) -> dict[str, float]:
    """Add predictions of test sets from elsewhere to a finished cell, whose own tables stay as they are.

    How far its refits are from the first ones stands in done.json: 0 on the CPU that computed them.
    """
    folder = job.cell.folder(job.run)
    first = np.stack(read_table(folder / PREDICTIONS)["y_score"].to_list())
    difference = float(np.abs(first - np.concatenate(scores)).max())
    files = before["files"] | _write_external(job, elsewhere)
    write_json(folder / DONE, before | {"files": files, "refits_again": {"largest_difference": difference}})
    return {str(name): float(value) for name, value in before["metrics"].items()}


def _write_external(job: CellJob, elsewhere: Mapping[ExternalSet, Sequence[Scores]]) -> dict[str, dict[str, Any]]:
    """Write the predictions of test sets from elsewhere, and give the sums of their files."""
    folder = job.cell.folder(job.run)
    for external, scores in elsewhere.items():
        columns = asdict(job.cell) | {"dataset": external.name}
        rows = _prediction_rows(columns, scores, (external.ids, external.groups, external.labels))
        tasks = {external.name: job.block.task}
        info = TableInfo({external.name: external.classes}, tasks, {external.name: external.facts})
        write_table(folder / external.file, rows, PREDICTION_COLUMNS, info)
    return sums_in(folder, [external.file for external in elsewhere])


def _prediction_rows(
    columns: Mapping[str, Any], scores: Sequence[Scores], images: tuple[Any, Any, npt.NDArray[np.float32]]
) -> pd.DataFrame:
    """Rows of a predictions table, refit by refit; `images` are their names, groups and labels."""
    ids, groups, labels = images
    return pd.concat(
        [
            pd.DataFrame(
                {
                    **columns,
                    "refit": refit,
                    "sample_id": ids,
                    "group_id": groups,
                    "y_true": list(labels),
                    "y_score": list(score),
                }
            )
            for refit, score in enumerate(scores)
        ]
    )


def _write(
    job: CellJob,
    trials: Sequence[Trial],
    chosen: Trial,
    validated: Scores | None,
    scores: Sequence[Scores],
    elsewhere: Mapping[ExternalSet, Sequence[Scores]],
    features: Mapping[str, int],
    model: Mapping[str, Any] | None,
) -> dict[str, float]:
    cell, block = job.cell, job.block
    folder = cell.folder(job.run)
    write_table(folder / TRIALS, pd.DataFrame([trial_row(cell, trial) for trial in trials]), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame([cost_row(cell, trial) for trial in trials]), COST_COLUMNS)
    curves = [row for trial in trials for row in curve_rows(cell, trial)]
    write_table(folder / CURVES, pd.DataFrame(curves, columns=list(CURVE_COLUMNS)), CURVE_COLUMNS)
    if validated is None:
        (folder / VALIDATION).unlink(missing_ok=True)  # of another trial
    else:
        write_scores(folder / VALIDATION, cell, block, chosen.number, validated)
    images = (block.holdout_ids, block.holdout_groups, block.holdout_labels)
    info = TableInfo({cell.dataset: block.classes}, {cell.dataset: block.task}, {cell.dataset: block.facts})
    predictions = _prediction_rows(asdict(cell), scores, images)
    write_table(folder / PREDICTIONS, predictions, PREDICTION_COLUMNS, info)
    added = _write_external(job, elsewhere)
    summary = _summary(job, trials, chosen, scores)
    if features["used"]:
        summary["feature_hits"] = 1 - features["computed"] / features["used"]
    done = {
        "cell": asdict(cell),
        "budget": len(trials),
        "best_trial": chosen.number,
        "features": dict(features),
        "model": None if model is None else dict(model),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "metrics": summary,
        "files": sums_in(folder, CELL_FILES if validated is None else OWN_FILES) | added,
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
