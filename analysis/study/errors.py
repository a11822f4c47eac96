"""The most confident errors of every arm: where to look first, at images that many models get wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Scores
from analysis.study.class_rates import GIVEN_FROM

SHOWN = 6  # errors of an arm, each of another patient
ABSENT = "no "  # before the name of a label that is not there


@dataclass(frozen=True, slots=True)
class Error:
    """An image that an arm gets wrong.

    Attributes:
        dataset, n_per_class, arm: who errs.
        sample_id: the image.
        image: the name under which a report shows it, `anonymous`.
        truth, given: the class that it has and the one that it is given; of a label whether it is there.
        probability: of what is given, the mean over seeds and refits.
        share: of the arm's models (seeds and refits) that are wrong about it.
        others: arms whose mean is wrong about it too.
    """

    dataset: str
    n_per_class: int
    arm: str
    sample_id: str
    image: str
    truth: str
    given: str
    probability: float
    share: float
    others: tuple[str, ...]


def most_confident(block: Block, count: int = SHOWN) -> list[Error]:
    """Of every arm the errors with the largest mean probability, at most one a patient; equal ones by name."""
    errors: list[Error] = []
    mean = block.scores.mean(axis=(1, 2), dtype=np.float64)
    wrong = _wrong(block, mean)
    for a, arm in enumerate(block.arms):
        rows, columns = np.nonzero(wrong[a])
        if block.task == "multilabel":
            present = mean[a, rows, columns] >= GIVEN_FROM
            sure = np.where(present, mean[a, rows, columns], 1 - mean[a, rows, columns])
        else:
            present, sure = np.ones(len(rows), dtype=bool), mean[a, rows].max(axis=1)
        models = _wrong(block, block.scores[a].reshape(-1, *mean.shape[1:]))
        seen: set[int] = set()
        for place in np.argsort(-sure, kind="stable"):
            row, k = int(rows[place]), int(columns[place])
            if len(seen) == count:
                break
            if int(block.groups[row]) in seen:
                continue
            seen.add(int(block.groups[row]))
            truth, given = _names(block, mean[a, row], row, k, bool(present[place]))
            others = tuple(other for b, other in enumerate(block.arms) if b != a and wrong[b, row, k])
            name, sample = anonymous(block.dataset, str(block.sample_ids[row])), str(block.sample_ids[row])
            errors.append(
                Error(
                    *(block.dataset, block.n_per_class, arm, sample, name, truth, given),
                    float(sure[place]),
                    float(models[:, row, k].mean()),
                    others,
                )
            )
    return errors


def anonymous(dataset: str, sample_id: str) -> str:
    """Eight digits of the SHA-256 of ``dataset``, a NUL and ``sample_id``: who has the data can find the image."""
    return hashlib.sha256(f"{dataset}\0{sample_id}".encode()).hexdigest()[:8]


def pictured(errors: Sequence[Sequence[Error]]) -> Mapping[str, list[str]]:
    """The images that are shown: data set -> sample ids."""
    wanted: dict[str, list[str]] = {}
    for error in (error for of_block in errors for error in of_block):
        wanted.setdefault(error.dataset, []).append(error.sample_id)
    return {dataset: sorted(set(samples)) for dataset, samples in wanted.items()}


def _wrong(block: Block, scores: Scores) -> npt.NDArray[np.bool_]:
    """(M, N, K) scores to where they are wrong: (M, N, K) for labels, (M, N, 1) for classes."""
    if block.task == "multilabel":
        return np.asarray(((scores >= GIVEN_FROM) != (block.truth == 1)) & ~np.isnan(block.truth))
    return np.asarray((scores.argmax(axis=2) != block.truth.argmax(axis=1))[..., None])


def _names(block: Block, mean: Scores, row: int, k: int, present: bool) -> tuple[str, str]:
    if block.task == "multilabel":
        label = block.classes[k]
        return (f"{ABSENT}{label}", label) if present else (label, f"{ABSENT}{label}")
    return block.classes[int(block.truth[row].argmax())], block.classes[int(mean.argmax())]
