"""What all arms of one (dataset, n, seed) share: the same subsample, the same folds, the same holdout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.results import Task


@dataclass(frozen=True, slots=True, eq=False)
class ExternalSet:
    """A test set from elsewhere, in the classes of the data set whose models predict it.

    Attributes:
        name: of the pair, for example ``chest-xray -> nih``.
        file: where its predictions go, in a cell's folder.
        kept: columns of the models' scores that its classes are; the others are left out, and the rest made to sum to 1
            where classes exclude each other.
        classes: (K,) names of these.
        pixels: the decoded images on disk, as `TrainingBlock.pixels`.
        labels: (m, K).
        ids, groups: (m,) names of the images and their groups.
        facts: what the predictions file says of it.
    """

    name: str
    file: str
    kept: tuple[int, ...]
    classes: tuple[str, ...]
    pixels: Path
    labels: npt.NDArray[np.float32]
    ids: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    facts: dict[str, Any]

    def images(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
        """(len(rows), size, size, channels) read from disk."""
        return np.asarray(np.load(self.pixels, mmap_mode="r")[rows])


@dataclass(frozen=True, slots=True)
class TrainingBlock:
    """Everything that a worker needs to know of the data for one block; small, and sent between processes.

    Attributes:
        dataset, n_per_class, seed: which block.
        task, classes, flip: of the data set (`images.contract.Images`).
        pixels: the decoded images on disk, (N, size, size, channels) uint8, opened as a memory map.
        subsample: (n,) rows of `pixels`, sorted: every label that may be used.
        labels: (n, K) of the subsample.
        folds: (n,) the inner validation fold of each.
        subsample_ids, subsample_groups: (n,) names of the images and their groups.
        holdout: (m,) rows of `pixels` that only the final predictions touch.
        holdout_labels: (m, K).
        holdout_ids, holdout_groups: (m,) names of the images and their groups.
        facts: what the predictions file says of the data set.
        external: what the models predict beside the holdout.
    """

    dataset: str
    n_per_class: int
    seed: int
    task: Task
    classes: tuple[str, ...]
    flip: bool
    pixels: Path
    subsample: npt.NDArray[np.intp]
    labels: npt.NDArray[np.float32]
    folds: npt.NDArray[np.intp]
    subsample_ids: npt.NDArray[np.str_]
    subsample_groups: npt.NDArray[np.str_]
    holdout: npt.NDArray[np.intp]
    holdout_labels: npt.NDArray[np.float32]
    holdout_ids: npt.NDArray[np.str_]
    holdout_groups: npt.NDArray[np.str_]
    facts: dict[str, Any]
    external: tuple[ExternalSet, ...] = ()

    def images(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
        """(len(rows), size, size, channels) read from disk."""
        return np.asarray(np.load(self.pixels, mmap_mode="r")[rows])
