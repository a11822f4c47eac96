"""One cell, start to end: tune, refit, predict the holdout, write the tables."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmark import arms
from benchmark.arms.contract import Parameters, Setting
from benchmark.images.training_block import TrainingBlock
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
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
from benchmark.seeds import seed_for
from benchmark.spec import BenchmarkSpec, Cell
from benchmark.training.engine import Diverged, Recipe, fit, predict, to_device
from benchmark.training.features import FrozenFeatures
from benchmark.training.network import Network
from benchmark.weights.find import WeightFile
from studies import spaces
from studies.scoring import WORST, validation_score
from studies.tune import Outcome, Search, Trial, best, tune


@dataclass(frozen=True, slots=True)
class CellJob:
    """What a worker is given: a cell, its block, its weights, and where the run's folder is."""

    cell: Cell
    block: TrainingBlock
    weights: WeightFile | None
    spec: BenchmarkSpec
    run: Path
    device: str


def run_cell(job: CellJob, told: Callable[[Trial], None] = lambda trial: None) -> dict[str, float]:
    """Run a cell, or continue it where it stopped, and return its summary metrics.

    The cell's folder then holds the study's journal, the trials, the costs, the predictions and done.json, which
    is written last.

    Args:
        job: the cell.
        told: called after each finished trial.
    """
    cell, spec = job.cell, job.spec
    arm = arms.find(cell.arm)
    trainer = _Trainer(job)
    folder = cell.folder(job.run)
    search = Search(
        journal=folder / STUDY,
        cell=cell.key,
        space=spaces.space(arm, spec.max_epochs),
        default=spaces.default(arm, spec.max_epochs),
        sampler=spec.sampler,
        root_seed=spec.root_seed,
    )
    trials = tune(search, spec.budget, trainer.evaluate, told)
    chosen = best(trials)
    if chosen.outcome.ended != "ok":
        raise RuntimeError(f"every one of the {spec.budget} trials of {cell.key} diverged: nothing to refit")
    scores = [trainer.refit(chosen.parameters, refit) for refit in range(spec.refits)]
    return _write(job, trials, chosen, scores)


class _Trainer:
    """The subsample on the device, with what the trials of a cell share."""

    def __init__(self, job: CellJob) -> None:
        self.job, self.block, self.spec = job, job.block, job.spec
        self.arm = arms.find(job.cell.arm)
        self.device = torch.device(job.device)
        self.images = to_device(self.block.images(self.block.subsample), self.device)
        self.targets = torch.from_numpy(self.block.labels).to(self.device)
        channels, outputs = self.images.shape[1], len(self.block.classes)
        self.setting = Setting(self.spec.backbone, channels, outputs)
        self.prepared = self.arm.prepare(self.setting, job.weights)
        self.features = FrozenFeatures(self.images, self.block.mirror, self.spec.root_seed, job.cell.key)

    def evaluate(self, number: int, parameters: Parameters) -> Outcome:
        """One trial: the mean over the inner folds of the tuning metric."""
        began = time.perf_counter()
        values: list[float] = []
        seen = epochs = 0
        ended = "ok"
        for fold in range(self.spec.folds):
            training = np.flatnonzero(self.block.folds != fold)
            validation = np.flatnonzero(self.block.folds == fold)
            epochs += int(parameters["epochs"])
            seen += int(parameters["epochs"]) * len(training)
            try:
                network = self._fit(parameters, training, "fit", trial=number, fold=fold)
                cached = None
                if network.frozen is not None:
                    cached = self.features.clean(network)[validation]
                scores = predict(network, self.images[validation], self.block.task, cached=cached).numpy()
            except Diverged as error:
                ended = f"diverged: {error}"
                break
            values.append(validation_score(self.spec.metric, self.block.task, self.block.labels[validation], scores))
        value = float(np.mean(values)) if ended == "ok" else WORST[self.spec.metric]
        return Outcome(
            value=value,
            fold_values=tuple(values),
            epochs=epochs,
            images_seen=seen,
            ended=ended,
            seconds=time.perf_counter() - began,
            peak_memory_mb=_peak_memory_mb(self.device),
        )

    def refit(self, parameters: Parameters, refit: int) -> np.ndarray:
        """Fit the whole subsample once more and predict the holdout: (m, K)."""
        rows = np.arange(len(self.images))
        network = self._fit(parameters, rows, "refit", refit=refit)
        chunks = np.array_split(self.block.holdout, max(1, len(self.block.holdout) // 1024))
        scores = [
            predict(network, to_device(self.block.images(chunk), self.device), self.block.task).numpy()
            for chunk in chunks
        ]
        return np.concatenate(scores)

    def _fit(self, parameters: Parameters, rows: np.ndarray, role: str, **key: int) -> Network:
        return fit(
            lambda: self.arm.build(self.prepared, self.setting, parameters),
            self.images,
            self.targets,
            rows,
            _recipe(parameters, self.spec.batch_size),
            self.block.task,
            self.block.mirror,
            self.features,
            seed_for(self.spec.root_seed, role, cell=self.job.cell.key, **key),
        )


def _recipe(parameters: Parameters, batch_size: int) -> Recipe:
    return Recipe(
        learning_rate=float(parameters["learning_rate"]),
        weight_decay=float(parameters["weight_decay"]),
        epochs=int(parameters["epochs"]),
        augmentation=float(parameters["augmentation"]),
        label_smoothing=float(parameters["label_smoothing"]),
        batch_size=batch_size,
    )


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


def _cell_columns(cell: Cell) -> dict[str, Any]:
    return {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}


def _write(job: CellJob, trials: Sequence[Trial], chosen: Trial, scores: Sequence[np.ndarray]) -> dict[str, float]:
    cell, block = job.cell, job.block
    folder = cell.folder(job.run)
    write_table(folder / TRIALS, pd.DataFrame([trial_row(cell, trial) for trial in trials]), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame([cost_row(cell, trial) for trial in trials]), COST_COLUMNS)
    tables = [
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
    write_table(folder / PREDICTIONS, pd.concat(tables), PREDICTION_COLUMNS, info)
    metrics = _metrics(job, trials, chosen, scores)
    done = {
        "cell": _cell_columns(cell),
        "budget": len(trials),
        "best_trial": chosen.number,
        "metrics": metrics,
    }
    write_json(folder / DONE, done)
    return metrics


def _metrics(job: CellJob, trials: Sequence[Trial], chosen: Trial, scores: Sequence[np.ndarray]) -> dict[str, float]:
    block = job.block
    metrics = {"best_validation": chosen.outcome.value, "seconds": sum(t.outcome.seconds for t in trials)}
    for metric in ("auroc", "average_precision", "balanced_accuracy", "log_loss"):
        values = [validation_score(metric, block.task, block.holdout_labels, score) for score in scores]
        sign = -1.0 if metric == "log_loss" else 1.0
        metrics[f"holdout_{metric}"] = sign * float(np.mean(values))
    return metrics


def _peak_memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
