"""Blocks: the fully crossed design that is analysed, every arm and every seed on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def part_of(block: Block, arms: Sequence[str], seeds: Sequence[int], classes: Sequence[str]) -> Block:
    """Some arms, seeds and classes of a block.

    Where classes exclude each other, the images of the others are left out, and the scores are made to sum to 1: they
    are probabilities given that an image belongs to one of these classes.

    Args:
        block: the predictions.
        arms, seeds, classes: which, in the order of the result.
    """
    if (block.arms, block.seeds, block.classes) == (tuple(arms), tuple(seeds), tuple(classes)):
        return block
    columns = [block.classes.index(name) for name in classes]
    truth, rows = block.truth[:, columns], np.arange(len(block.truth))
    some = len(columns) < len(block.classes) and block.task != "multilabel"
    if some:
        rows = np.flatnonzero(truth.sum(axis=1) == 1)
    cells = np.ix_([block.arms.index(arm) for arm in arms], [block.seeds.index(seed) for seed in seeds])
    scores = block.scores[cells][:, :, :, rows][..., columns]
    if some:
        scores = np.maximum(scores, np.finfo(np.float32).tiny)
        scores = scores / scores.sum(axis=-1, keepdims=True)
    groups = np.unique(block.groups[rows], return_inverse=True)[1].astype(np.intp)
    return replace(
        block,
        classes=tuple(classes),
        arms=tuple(arms),
        seeds=tuple(seeds),
        sample_ids=block.sample_ids[rows],
        groups=groups,
        truth=truth[rows],
        scores=scores,
    )


def arm_rank(arm: str) -> tuple[int, str]:
    """Sorting key of an arm: the known arms from baseline to treatment, then the others by name."""
    return (ARM_ORDER.index(arm) if arm in ARM_ORDER else len(ARM_ORDER), arm)
