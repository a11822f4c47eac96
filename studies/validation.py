"""What the best trial's models said of the training images that they had not seen: kept, as thresholds are fixed on it.

The scores are written whenever a trial is the best so far, in a file of their own until the cell is finished: those of
a smaller budget stay what they were. After a kill they are there, and where they are not (it came between a trial and
its scores, a power failure took them, an older version ran the trial), that trial is computed again: by its number it
is given the same randomness. The journal says whether scores are its own: they have its values.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import InputError
from benchmark.images.training_block import TrainingBlock
from benchmark.results import VALIDATION, VALIDATION_COLUMNS, TableInfo, read_table, write_table
from benchmark.spec import Cell
from studies.trainer import Trainer
from studies.tune import Trial

Scores = npt.NDArray[np.float32]

BEST_SO_FAR = "best_so_far.parquet"  # in a cell's folder, until the cell is finished
ROUNDING = 1e-9  # by which a value may differ that is computed again from the same scores


class ValidationScores:
    """Keeps a cell's scores of validation while its study goes on."""

    def __init__(self, trainer: Trainer, check: Callable[[], None]) -> None:
        """Begin with none.

        Args:
            trainer: of the cell; it evaluates every trial.
            check: called before anything is written; raises where the cell is no longer this process's.
        """
        self._trainer, self._check = trainer, check
        self._job = trainer.job
        self._best: tuple[int, Scores] | None = None

    def keep(self, trial: Trial) -> None:
        """Take in the trial that was evaluated last, which is the best so far; one that diverged has no scores."""
        scores = self._trainer.validated
        if scores is not None:
            self._best = trial.number, scores
            self._check()
            write_scores(self._folder / BEST_SO_FAR, self._job.cell, self._job.block, trial.number, scores, sync=False)

    def of(self, trial: Trial) -> Scores | None:
        """(n, K) of the study's best trial, as they were kept, or computed again; None where they cannot be.

        Only on another machine than the first may a trial that was finished diverge when it is computed again.
        """
        if self._best is not None and self._best[0] == trial.number:
            return self._best[1]
        for name in (BEST_SO_FAR, VALIDATION):
            kept = self._read(self._folder / name, trial)
            if kept is not None:
                return kept
        self._trainer.evaluate(trial.number, trial.parameters)
        return self._trainer.validated

    def close(self) -> None:
        """The cell is finished: remove what was kept until then."""
        (self._folder / BEST_SO_FAR).unlink(missing_ok=True)

    @property
    def _folder(self) -> Path:
        return self._job.cell.folder(self._job.run)

    def _read(self, path: Path, trial: Trial) -> Scores | None:
        """The scores in a file, if the values that the journal has of this trial follow from them."""
        block, trainer = self._job.block, self._trainer
        with suppress(OSError, InputError, KeyError, ValueError):
            table = read_table(path)
            scores = np.stack(table["y_score"].to_list())
            same_images = np.array_equal(table["sample_id"], block.subsample_ids)
            if same_images and scores.shape == block.labels.shape and (table["trial"] == trial.number).all():
                rows = [trainer.rows_of(fold)[1] for fold in range(self._job.spec.folds)]
                values = [trainer.metric.value(block.task, block.labels[of], scores[of]) for of in rows]
                if np.allclose(values, trial.outcome.fold_values, rtol=0, atol=ROUNDING):
                    return scores
        return None


def write_scores(path: Path, cell: Cell, block: TrainingBlock, trial: int, scores: Scores, sync: bool = True) -> None:
    """Write (n, K) scores of a cell's training images as the validation table; `sync` as `write_table` takes it."""
    rows = pd.DataFrame(
        {
            **asdict(cell),
            "trial": trial,
            "fold": block.folds,
            "sample_id": block.subsample_ids,
            "group_id": block.subsample_groups,
            "y_true": list(block.labels),
            "y_score": list(scores),
        }
    )
    info = TableInfo({cell.dataset: block.classes}, {cell.dataset: block.task}, {})
    write_table(path, rows, VALIDATION_COLUMNS, info, sync)
