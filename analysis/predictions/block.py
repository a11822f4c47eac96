"""Blocks: the fully crossed design that is analysed, every arm and every seed on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmark.metrics import columns_of
from benchmark.results import Task

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Scores = npt.NDArray[np.floating[Any]]
Strings = npt.NDArray[np.object_]

#: What inference is asked about: new training samples of new images, new ones from the same pool, or these trained
#: models alone; new patients in every case.
Estimand = Literal["population", "pool", "models"]

#: The order of the arms in tables; what is not named here follows, by alphabet.
ARM_ORDER = ("scratch", "scratch-same", "imagenet", "medical")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """All predictions of one (data set, n per class): arms x seeds x refits on one holdout.

    Attributes:
        dataset, n_per_class: where the predictions belong.
        task, classes: "binary", "multiclass" or "multilabel", and the names of the K classes or labels.
        arms: the A arms; in a pair (a, b) the earlier one is `a`, the baseline.
        seeds: the S training subsamples.
        sample_ids: (N,) images, sorted.
        groups: (N,) the patient or lesion of an image, coded 0..G-1 by first appearance.
        truth: (N, K) one-hot, or 0/1 with NaN for unknown labels.
        scores: (A, S, R, N, K) probabilities of the R refits.
        rho: overlap of the training subsamples across seeds, in [0, 1); 0 where they are disjoint.
        rho_known: whether the file records rho; otherwise 0 is assumed.
        estimand: what inference on it is about (`analysis.study.estimand`); blocks made from this one keep it.
    """

    dataset: str
    n_per_class: int
    task: Task
    classes: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    sample_ids: Strings
    groups: Integers
    truth: Floats
    scores: Scores
    rho: float
    rho_known: bool
    estimand: Estimand = "population"

    @property
    def title(self) -> str:
        """The data set and n, as they are named in text; n = 0 is that of a table without one."""
        return f"{self.dataset}, n = {self.n_per_class}" if self.n_per_class else self.dataset

    @property
    def group_count(self) -> int:
        """G, the number of patients or lesions in the holdout."""
        return int(self.groups.max()) + 1

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that ranking metrics are taken over: the positive class, or every class or label."""
        return columns_of(self.task, len(self.classes))

    def class_counts(self) -> dict[str, int]:
        """Positives of each class or label in the holdout."""
        return dict(zip(self.classes, (int(total) for total in np.nansum(self.truth, axis=0)), strict=True))


@dataclass(frozen=True, slots=True)
class Predictions:
    """Everything that a predictions table holds.

    Attributes:
        blocks: a `Block` a (data set, n per class), sorted.
        facts: data set -> what the files' metadata record of it.
        remarks: what had to be assumed or left out, in sentences.
    """

    blocks: tuple[Block, ...]
    facts: Mapping[str, Mapping[str, Any]]
    remarks: tuple[str, ...]

    def asked(self, estimand: Estimand) -> Predictions:
        """The same, with every inference about what is asked."""
        return replace(self, blocks=tuple(replace(block, estimand=estimand) for block in self.blocks))


def arm_rank(arm: str) -> tuple[int, str]:
    """Sorting key of an arm: the known arms from baseline to treatment, then the others by name."""
    return (ARM_ORDER.index(arm) if arm in ARM_ORDER else len(ARM_ORDER), arm)
