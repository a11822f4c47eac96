"""A holdout where the data set brings none: a group-disjoint, stratified share of everything."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.images.folds import strata
from benchmark.seeds import rng_for

SHARE = 2  # one in so many


def grouped(
    dataset: str,
    groups: npt.NDArray[np.str_],
    labels: npt.NDArray[np.float32],
    multilabel: bool,
    root_seed: int,
    share: int = SHARE,
) -> npt.NDArray[np.bool_]:
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
    kinds = strata(labels, multilabel)
    order, first = np.unique(groups, return_index=True)
    held: list[str] = []
    for kind in np.unique(kinds[first]):
        members = order[kinds[first] == kind]
        members = rng.permutation(members)
        held += list(members[: max(1, round(len(members) / share))])
    return np.isin(groups, held)
