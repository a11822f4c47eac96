"""Ranks with their uncertainty: which places the data leave open to each of several arms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]


def rank_sets(low: Floats, high: Floats) -> tuple[Integers, Integers]:
    """The confidence sets of all ranks, from simultaneous intervals of all differences.

    Where every interval holds its difference, an arm has at least as many above it as have intervals that lie wholly
    above zero against it, and as many below; so all sets hold their ranks together with at least the intervals'
    confidence, whatever ties there are (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies 2024; here in a
    single step).

    Args:
        low, high: (A, A) ends of the interval of arm j minus arm i at [i, j], turned so that higher is better; what
            stands on the diagonal does not matter.

    Returns:
        (A,) best and (A,) worst rank of each arm, 1 for the best of all.
    """
    arms = len(low)
    others = ~np.eye(arms, dtype=np.bool_)
    above, below = ((low > 0) & others).sum(axis=1), ((high < 0) & others).sum(axis=1)
    return np.asarray(1 + above, dtype=np.intp), np.asarray(arms - below, dtype=np.intp)


def ranks(values: Floats) -> Integers:
    """(A,) rank of each value, 1 for the largest; equal values share the best of their places."""
    return np.asarray(1 + (values[None, :] > values[:, None]).sum(axis=1), dtype=np.intp)
