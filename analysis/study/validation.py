"""What a run's cells keep of validation: what the best trial's models said of training images they had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.study.run_facts import RunFacts
from benchmark.errors import InputError
from benchmark.results import VALIDATION, VALIDATION_COLUMNS, read_table
from benchmark.spec import Cell


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """The training images of a cell.

    Attributes:
        truth: (n, K), NaN for unknown labels.
        scores: (n, K) probabilities, of each image by a model that was fitted without it.
    """

    truth: npt.NDArray[np.floating[Any]]
    scores: npt.NDArray[np.floating[Any]]


#: (position of the arm, of the seed) in a block -> its cell's validation; cells without it are not there.
OfBlock = Mapping[tuple[int, int], Validated]


def validation_of(run: RunFacts, block: Block) -> OfBlock:
    """The validation scores of a block's cells, as far as they are kept: older versions did not.

    Raises:
        InputError: a file is damaged, or does not belong to the block's classes.
    """
    made = {}
    for a, s in np.ndindex(len(block.arms), len(block.seeds)):
        cell = Cell(block.dataset, block.n_per_class, block.seeds[s], block.arms[a])
        path = cell.folder(run.folder) / VALIDATION
        if path.is_file():
            made[a, s] = _read(path, len(block.classes))
    return made


def _read(path: Path, width: int) -> Validated:
    frame = read_table(path)
    lacking = [name for name in VALIDATION_COLUMNS if name not in frame]
    truth, scores = (np.stack(frame[name].to_list()) if not lacking else np.empty(0) for name in ("y_true", "y_score"))
    usable = truth.shape == scores.shape == (len(frame), width) and bool(((scores >= 0) & (scores <= 1)).all())
    if not usable:
        what = (
            f"lacks the columns {', '.join(lacking)}" if lacking else f"does not hold {width} scores in [0, 1] an image"
        )
        raise InputError(f"{path} {what}. Remove the cell's done.json: the run's own command makes its tables again.")
    return Validated(truth, scores)
