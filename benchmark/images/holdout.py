"""The choice of the holdout: the official one, or a group-disjoint, stratified share of everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmark.images.contract import HoldoutKind
from benchmark.images.folds import strata
from benchmark.seeds import rng_for

SHARE = 2  # one in so many

Mask = npt.NDArray[np.bool_]


def choose(wanted: str, official: Mask | None, draw: Callable[[], Mask]) -> tuple[Mask, HoldoutKind]:
    """The holdout, (N,) True for the held-out images, and its kind.

    Args:
        wanted: a `HoldoutKind`.
        official: (N,) the owner's; None where there is none, and a grouped one takes its place.
        draw: draws the grouped one.
    """
    if wanted == "official" and official is not None:
        return official, "official"
    return draw(), "grouped"


def grouped(
    dataset: str,
    groups: npt.NDArray[np.str_],
    labels: npt.NDArray[np.float32],
    multilabel: bool,
    root_seed: int,
    share: int = SHARE,
) -> Mask:
    """(N,) True for the held-out images: one group in `share` of every stratum, drawn by the root seed.

    Args:
        dataset: its name, which keys the draw.
        groups: (N,) patients or lesions.
        labels: (N, K).
        multilabel: whether an image may have several labels; its stratum is then its rarest.
        root_seed: the run's.
        share: 2 holds out half of the groups.
    """
    rng = rng_for(root_seed, "holdout", dataset=dataset)
    stratum = strata(labels, multilabel)
    names, first = np.unique(groups, return_index=True)
    held: list[str] = []
    for number in np.unique(stratum[first]):
        members = rng.permutation(names[stratum[first] == number])
        held += list(members[: max(1, round(len(members) / share))])
    return np.isin(groups, held)
