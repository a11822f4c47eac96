"""AUROC of every arm in subgroups of the holdout: by sex, age, view or whatever the data set tells of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.study.intervals import arm_interval
from analysis.study.run_facts import Attributes
from analysis.study.scores import AUROC, Scored, score
from benchmark import metrics

FEWEST_PATIENTS = 20  # of a subgroup
FEWEST_OF_A_CLASS = 5  # patients with it, and without it, in every subgroup that is compared
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """The images of a block that have a value of an attribute.

    Attributes:
        block: all images.
        attribute, value: which are meant.
        images, patients: how many.
        classes: the classes or labels that the AUROC is the mean over, the same for every value of the attribute.
        scored: AUROCs of the arms; None where there are too few patients.
        intervals: (low, high) of every arm's, 95%; empty there.
    """

    block: Block
    attribute: str
    value: str
    images: int
    patients: int
    classes: tuple[str, ...]
    scored: Scored | None
    intervals: tuple[tuple[float, float], ...] = ()


def subgroups_of(block: Block, attributes: Attributes) -> list[Subgroup]:
    """Every value of every attribute that is known of the holdout; empty where none is."""
    made = []
    for attribute, known in attributes.get(block.dataset, {}).items():
        values = np.array([known.get(str(sample), UNKNOWN) for sample in block.sample_ids])
        names = sorted(set(values), key=lambda name: (name == UNKNOWN, name))
        parts = {name: np.flatnonzero(values == name) for name in names}
        made += _of_attribute(block, attribute, parts)
    return made


def _of_attribute(block: Block, attribute: str, parts: Mapping[str, npt.NDArray[np.intp]]) -> list[Subgroup]:
    patients = {name: len(np.unique(block.groups[rows])) for name, rows in parts.items()}
    large = [name for name in parts if name != UNKNOWN and patients[name] >= FEWEST_PATIENTS]
    common = {name: _columns(block, parts[name]) for name in large}
    # A value with hardly any class in it would leave the others none to be compared on.
    half = [name for name in large if 2 * len(common[name]) >= len(block.columns)]
    columns = [k for k in block.columns if half and all(k in common[name] for name in half)]
    classes = tuple(block.classes[k] for k in columns)
    made = []
    for name, rows in parts.items():
        subgroup = Subgroup(block, attribute, name, len(rows), patients[name], classes, None)
        if columns and name in half:
            scored = score(restricted(block, rows, columns), metrics.find(AUROC))
            ends = tuple(arm_interval(scored, a) for a in range(len(block.arms)))
            subgroup = replace(subgroup, scored=scored, intervals=ends)
        made.append(subgroup)
    return made


def _columns(block: Block, rows: npt.NDArray[np.intp]) -> list[int]:
    """The classes or labels that enough patients among these images have, and have not."""
    truth, groups = block.truth[rows], block.groups[rows]
    return [
        k
        for k in block.columns
        if all(len(np.unique(groups[truth[:, k] == value])) >= FEWEST_OF_A_CLASS for value in (0, 1))
    ]


def restricted(block: Block, rows: npt.NDArray[np.intp], columns: list[int]) -> Block:
    """Some images and columns of a block, as labels of their own."""
    return replace(
        block,
        task="multilabel",
        classes=tuple(block.classes[k] for k in columns),
        sample_ids=block.sample_ids[rows],
        groups=np.unique(block.groups[rows], return_inverse=True)[1].astype(np.intp),
        truth=block.truth[rows][:, columns],
        scores=block.scores[..., rows, :][..., columns],
    )
