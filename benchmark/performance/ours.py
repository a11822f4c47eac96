"""Our side: the study as a run's worker computes it, from JPEG files to the tables of its trials."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.images.contract import Images
from benchmark.images.decoding import decoded
from benchmark.images.training_block import TrainingBlock
from benchmark.methods import Parameters
from benchmark.performance.cases import Case, search_of
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    CURVE_COLUMNS,
    CURVES,
    STUDY,
    TRIAL_COLUMNS,
    TRIALS,
    VALIDATION,
    write_table,
)
from benchmark.spec import BenchmarkSpec, Cell
from benchmark.weights.find import WeightFile

if TYPE_CHECKING:
    from studies.trainer import Trainer
    from studies.tune import Trial

BOOKKEPT, BOOKKEPT_EPOCHS = 50, 30  # trials whose bookkeeping is measured, as a cell has them, and epochs of their fits
WARMING = 4  # images of a class and fold in the small trial that comes before the clock is started


@dataclass(frozen=True, slots=True)
class Task:
    """A study of a case: the index of its images, how they are used, and the weights."""

    case: Case
    spec: BenchmarkSpec
    images: Images
    block: TrainingBlock
    weights: WeightFile | None


@dataclass(frozen=True, slots=True)
class OurStudy:
    """What was measured.

    Attributes:
        seconds: from the JPEG files to the written tables.
        preparing: of these, until the first trial: decoding, loading of the weights.
        trial_seconds: of each trial.
        again: of the first trial's parameters once more, when all that can be kept is kept.
        floor: of the first trial's training steps alone (`floor.floor_seconds`).
        images_seen: training images of all trials, an image counted in each epoch.
        bookkeeping: a trial's, beside training (`bookkeeping`).
        cpu_seconds: of the process in `seconds`: the same where nothing else computes on the machine.
        parameters, values: of each trial.
        peak_mb: largest memory of the process until the study's end.
    """

    seconds: float
    preparing: float
    trial_seconds: tuple[float, ...]
    again: float
    floor: float
    bookkeeping: float
    cpu_seconds: float
    images_seen: int
    parameters: tuple[Parameters, ...]
    values: tuple[float, ...]
    peak_mb: float


def run_study(task: Task) -> OurStudy:
    """Compute the study in this process, on one thread."""
    from benchmark.performance.floor import floor_seconds
    from benchmark.training.engine import configure
    from studies.tune import best, tune
    from studies.validation import ValidationScores, write_scores
    from studies.workers import THREADS

    configure(THREADS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _warm_up(task, folder / "warming" / "run")
        run = folder / "measured" / "run"  # beside it nothing is kept from before
        began, computed = time.perf_counter(), time.process_time()
        trainer = _trainer(task, run)
        prepared = time.perf_counter()
        cell = trainer.job.cell
        search = search_of(task.case, task.spec, cell.folder(run) / STUDY)
        kept = ValidationScores(trainer, lambda: None)
        trials = tune(search, task.spec.budget, trainer.evaluate, lambda trial: _send(cell, trial), improved=kept.keep)
        write_ledger(cell, run, trials)
        chosen = best(trials, search.higher_is_better)
        validated = kept.of(chosen)
        if validated is not None:
            write_scores(cell.folder(run) / VALIDATION, cell, task.block, chosen.number, validated)
        ended, computed = time.perf_counter(), time.process_time() - computed
        first = trials[0].parameters
        again = trainer.evaluate(0, first).seconds
        floor = floor_seconds(trainer, first)
    outcomes = [trial.outcome for trial in trials]
    return OurStudy(
        seconds=ended - began,
        preparing=prepared - began,
        trial_seconds=tuple(outcome.seconds for outcome in outcomes),
        again=again,
        floor=floor,
        bookkeeping=bookkeeping(task.case, replace(task.spec, budget=BOOKKEPT), BOOKKEPT_EPOCHS, task.block),
        cpu_seconds=computed,
        images_seen=sum(outcome.images_seen for outcome in outcomes),
        parameters=tuple(trial.parameters for trial in trials),
        values=tuple(outcome.value for outcome in outcomes),
        peak_mb=outcomes[-1].peak_memory_mb,
    )


def write_ledger(cell: Cell, run: Path, trials: Sequence[Trial]) -> None:
    """The tables of a cell's trials, as a finished cell has them."""
    import pandas as pd

    from studies.cell import cost_row, curve_rows, trial_row

    folder = cell.folder(run)
    write_table(folder / TRIALS, pd.DataFrame([trial_row(cell, trial) for trial in trials]), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame([cost_row(cell, trial) for trial in trials]), COST_COLUMNS)
    curves = [row for trial in trials for row in curve_rows(cell, trial)]
    write_table(folder / CURVES, pd.DataFrame(curves), CURVE_COLUMNS)


def bookkeeping(case: Case, spec: BenchmarkSpec, epochs: int, block: TrainingBlock) -> float:
    """Seconds a trial that a study takes beside training: asking, telling, the journal, the scores, and the ledger.

    Args:
        case: whose space is searched.
        spec: `budget` trials are made, of `folds` fits each.
        epochs: of each fit; so long are its curves.
        block: whose images have scores, of every trial that is the best so far.
    """
    from studies.curves import Curve, checked_epochs
    from studies.tune import Outcome, tune
    from studies.validation import BEST_SO_FAR, write_scores

    checked = checked_epochs(epochs)
    curve = Curve((0.123456,) * epochs, checked, (0.765432,) * len(checked))

    def evaluate(number: int, parameters: Parameters) -> Outcome:
        value = 0.5 + number * 7 % 50 / 200  # rising and falling, so that the sampler has to choose
        return Outcome(value, (value,) * spec.folds, 0, 0, "ok", 0.1, 0.1, (curve,) * spec.folds)

    cell = Cell(spec.datasets[0], spec.n_per_class[0], 0, case.arm)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        began = time.perf_counter()
        search, path = search_of(case, spec, cell.folder(run) / STUDY), cell.folder(run) / BEST_SO_FAR

        def improved(trial: Trial) -> None:
            write_scores(path, cell, block, trial.number, block.labels, sync=False)

        trials = tune(search, spec.budget, evaluate, lambda trial: _send(cell, trial), improved=improved)
        write_ledger(cell, run, trials)
        write_scores(path.with_name(VALIDATION), cell, block, 0, block.labels)
        return (time.perf_counter() - began) / len(trials)


def _send(cell: Cell, trial: Trial) -> None:
    """What a worker does with a finished trial: its rows go to the driver, which works beside it."""
    from studies.cell import cost_row, curve_rows, trial_row

    pickle.dumps((trial_row(cell, trial), cost_row(cell, trial), curve_rows(cell, trial)))


def _trainer(task: Task, run: Path) -> Trainer:
    """Decode the images, and put the study's subsample and weights in memory."""
    from studies.trainer import CellJob, Trainer

    path = decoded(task.images, task.spec.image_size, run.parent / "cache").path
    cell = Cell(task.block.dataset, task.block.n_per_class, 0, task.case.arm)
    return Trainer(CellJob(cell, replace(task.block, pixels=path), task.weights, task.spec, run, "cpu"))


def _warm_up(task: Task, run: Path) -> None:
    """One epoch of a few images: compiled loops are loaded and libraries have chosen their kernels."""
    block, count = task.block, len(task.block.classes)
    labels = block.labels.argmax(1)
    kinds = [(block.folds == fold) & (labels == k) for fold in range(task.spec.folds) for k in range(count)]
    few = np.sort(np.concatenate([np.flatnonzero(kind)[:WARMING] for kind in kinds]))
    of_images = ("subsample", "labels", "folds", "subsample_ids", "subsample_groups")
    small = replace(block, **{name: getattr(block, name)[few] for name in of_images})
    search = search_of(task.case, task.spec, run / STUDY)
    _trainer(replace(task, block=small), run).evaluate(0, {**search.default, "epochs": 1})
