"""What inference is about: the population, this pool of images, or these trained models; new patients in every case."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Estimand
from analysis.statistics.inference import Inference, joint, these_models
from benchmark.errors import unknown_name

Floats = npt.NDArray[np.float64]

ESTIMANDS: tuple[Estimand, ...] = get_args(Estimand)
#: How tables and sentences name them.
WORDS: dict[Estimand, str] = {"population": "the population", "pool": "this pool", "models": "these models"}


def find(name: str) -> Estimand:
    """An estimand by its name.

    Raises:
        InputError: it is none.
    """
    if name not in ESTIMANDS:
        raise unknown_name("estimand", name, ESTIMANDS)
    return name


def answered(block: Block) -> Estimand:
    """What inference on a block is really about.

    One training sample says nothing of others, so that it is about these models; where nobody says how much the
    training samples overlap, nothing is known of the population.
    """
    if len(block.seeds) == 1:
        return "models"
    return "pool" if block.estimand == "population" and not block.rho_known else block.estimand


def overlap(block: Block, estimand: Estimand | None = None) -> float:
    """The overlap rho of the training samples that inference corrects for."""
    return block.rho if (estimand or block.estimand) == "population" else 0.0


def infer(
    block: Block,
    values: Floats,
    covariance: Floats,
    refits: Floats | None = None,
    estimand: Estimand | None = None,
    contributions: Floats | None = None,
) -> Inference:
    """The mean of one value a seed, about what is asked of the block or about another estimand.

    Args:
        block: whose seeds they are.
        values, covariance, refits: (S,), (S, S) and (S, R), as in `analysis.statistics.inference.joint`.
        estimand: where None, the block's.
        contributions: (S, G) of the patients, where the covariance is made from them.
    """
    if (estimand or block.estimand) == "models":
        return these_models(values, covariance, contributions)
    return joint(values, covariance, overlap(block, estimand), refits)
