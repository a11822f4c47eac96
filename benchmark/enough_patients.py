"""Whether a holdout can be judged at all: what a variance over new patients needs of every class, and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.results import Task


def unknown_patients(dataset: str, reason: str) -> str:
    """What it means that nobody says which images are of one patient.

    Args:
        dataset: its name.
        reason: why that is not known, the fact "leaks" of a data set.
    """
    return (
        f"{dataset}: which images are of one patient is not known ({reason}). Where a patient has several, some may be "
        "learnt from and others held out, which flatters every arm, and all intervals are too narrow."
    )


def require_patients(
    dataset: str, task: Task, classes: Sequence[str], y_true: npt.NDArray[Any], groups: npt.NDArray[Any]
) -> None:
    """Refuse a class or label without two positive and two negative images, from two groups on either side.

    Args:
        dataset, task, classes: for messages, and K names.
        y_true: (N, K) of the holdout.
        groups: (N,) names or codes.

    Raises:
        InputError: the class or label, and the counts of all.
    """
    for k, name in enumerate(classes):
        # The negatives of a class are the positives of the others; a label's may be missing on their own.
        signs = (("positive", 1.0), ("negative", 0.0)) if task == "multilabel" else (("positive", 1.0),)
        for sign, wanted in signs:
            matching = y_true[:, k] == wanted
            count, patients = int(matching.sum()), len(np.unique(groups[matching]))
            if count >= 2 and patients >= 2:
                continue
            kind = "label" if task == "multilabel" else "class"
            problem = (
                f"is absent from the holdout: no {sign} image"
                if count == 0
                else f"has {count} {sign} image{'s' if count > 1 else ''} of {patients} group in the holdout"
            )
            raise InputError(
                f"{dataset}: the {kind} '{name}' {problem}. A variance over new patients needs two of each; "
                f"counts: { {c: int(v) for c, v in zip(classes, np.nansum(y_true, axis=0), strict=True)} }. "
                f"Use a larger holdout, or leave the {kind} out."
            )
