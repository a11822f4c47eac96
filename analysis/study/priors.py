"""The same predictions for the holdout's prevalence: training is class-balanced, the holdout is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Predictions
from analysis.statistics.priors import correct, correct_labels
from analysis.study.threads import in_threads

Floats = npt.NDArray[np.float64]

TRAINING_PRIOR = "training_prior"  # fact of a data set: n -> shares of the classes, or prevalences of the labels
AS_IS, CORRECTED = "as they are", "prior-corrected"
RECORDED, BALANCED = "recorded", "uniform, as training draws n a class"
UNKNOWN = "not corrected: the file does not record how frequent each class or label is in training (training_prior)"


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What is done to a block's scores.

    Attributes:
        block: with the scores for the holdout's prior; as it was where they cannot be corrected.
        training: (K,) shares of the classes in training, or prevalences of the labels; None where not known.
        holdout: (K,) those of the holdout, taken as known.
        source: where `training` comes from, or why nothing is corrected.
    """

    block: Block
    training: Floats | None
    holdout: Floats
    source: str

    @property
    def made(self) -> bool:
        """Whether the scores are corrected."""
        return self.training is not None

    @property
    def kind(self) -> str:
        """Of the scores, in words."""
        return CORRECTED if self.made else AS_IS


def correction(block: Block, facts: Mapping[str, Any]) -> Correction:
    """Correct a block's scores to the holdout's prior.

    The training prior is what the data set's facts record; else, for classes, uniform: n images a class are drawn. For
    labels n positives of each are drawn, and images hold several, so that a label's prevalence in training follows from
    neither; where it is not recorded, nothing is corrected, nor are models of a table without n.
    """
    holdout = np.nanmean(block.truth, axis=0)
    training, source = _recorded(block, facts), RECORDED
    if training is None and block.task != "multilabel" and block.n_per_class:
        training, source = np.full(len(block.classes), 1 / len(block.classes)), BALANCED
    if training is None:
        return Correction(block, None, holdout, UNKNOWN)
    change = correct_labels if block.task == "multilabel" else correct
    scores = np.empty_like(block.scores)
    for cell in np.ndindex(block.scores.shape[:3]):  # one at a time, as they are computed in double precision
        scores[cell] = change(block.scores[cell], training, holdout)
    return Correction(replace(block, scores=scores), training, holdout, source)


def corrections(predictions: Predictions) -> tuple[Correction, ...]:
    """One a block."""
    return tuple(
        in_threads(lambda block: correction(block, predictions.facts.get(block.dataset, {})), predictions.blocks)
    )


def _recorded(block: Block, facts: Mapping[str, Any]) -> Floats | None:
    """(K,) of the fact, where it is there and usable: numbers in (0, 1), one a class or label."""
    priors = facts.get(TRAINING_PRIOR)
    shares = priors.get(str(block.n_per_class)) if isinstance(priors, Mapping) else None
    if not isinstance(shares, list) or not all(isinstance(share, int | float) for share in shares):
        return None
    values = np.array(shares, dtype=np.float64)
    usable = len(values) == len(block.classes) and bool(((values > 0) & (values < 1)).all())
    return values if usable else None


def both(block: Block, corrected: Block) -> Block:
    """One block with every arm twice, as it is and then corrected: what joins them has their covariance."""
    names = tuple(f"{arm} ({CORRECTED})" for arm in block.arms)
    return replace(block, arms=block.arms + names, scores=np.concatenate([block.scores, corrected.scores]))
