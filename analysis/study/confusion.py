"""Confusion matrices at the default decision, of every arm and seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.study.class_rates import GIVEN_FROM

Floats = npt.NDArray[np.float64]

OF_A_LABEL = ("absent", "present")


def classes_of(block: Block) -> tuple[str, ...]:
    """Names of the rows and columns: the classes, or absent and present of a label."""
    return OF_A_LABEL if block.task == "multilabel" else block.classes


def confusion(block: Block) -> Floats:
    """Images of every true class (row) that are given every class (column), the mean over refits: (A, S, Q, K, K).

    The class of the largest probability is given, the first of equal ones; a label where it is .5 or more. Q is 1 for
    classes; every label is a matrix of its own, K = 2, of the images for which it is known.
    """
    arms, seeds, refits, _, width = block.scores.shape
    several = block.task == "multilabel"
    problems, classes = (width, 2) if several else (1, width)
    counts = np.zeros((arms, seeds, problems, classes, classes))
    for a, s, r in np.ndindex(arms, seeds, refits):
        score = block.scores[a, s, r]
        given = score >= GIVEN_FROM if several else score.argmax(axis=1)[:, None]
        for q in range(problems):
            known = ~np.isnan(block.truth[:, q])
            truth = block.truth[known, q] if several else block.truth.argmax(axis=1)
            codes = truth.astype(np.intp) * classes + given[known, q]
            counts[a, s, q] += np.bincount(codes, minlength=classes**2).reshape(classes, classes) / refits
    return counts


def row_shares(counts: Floats) -> Floats:
    """(..., K, K) counts as shares of their rows; NaN where a row has no image."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0))
