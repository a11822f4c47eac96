"""Every class or label of a block by itself: AUROC of the arms, one versus rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.predictions.block import Block
from analysis.statistics.equivalence import ALPHA
from analysis.study.rankings import Ranked, rankings
from analysis.study.scores import AUROC, Scored, score
from benchmark import metrics


@dataclass(frozen=True, slots=True, eq=False)
class OfLabel:
    """One class or label of a block.

    Attributes:
        block: the whole of it.
        name: of the class or label.
        scored: AUROCs of the arms.
        positives, patients: images that have it, and their patients.
        ranked: the arms, intervals simultaneous over the pairs of this label; empty where they are not tested.
    """

    block: Block
    name: str
    scored: Scored
    positives: int
    patients: int
    ranked: list[Ranked]


def labels_of(block: Block) -> list[OfLabel]:
    """Every class or label; empty for binary tasks, and where there is one alone."""
    if len(block.columns) < 2:
        return []
    return [_of_label(block, k) for k in block.columns]


def _of_label(block: Block, k: int) -> OfLabel:
    alone = replace(
        block,
        task="multilabel",
        classes=(block.classes[k],),
        truth=block.truth[:, [k]],
        scores=block.scores[..., [k]],
    )
    scored = score(alone, metrics.find(AUROC))
    positive = block.truth[:, k] == 1
    patients = len(np.unique(block.groups[positive]))
    ranked = rankings(scored, ALPHA / max(len(scored.pairs), 1))
    return OfLabel(block, block.classes[k], scored, int(positive.sum()), patients, ranked)
