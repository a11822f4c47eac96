"""The training subsample of one seed: n images per class, spread over groups, nested in n, disjoint across seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import numpy.typing as npt

from benchmark.datasets.contract import Images
from benchmark.datasets.folds import strata
from benchmark.errors import InputError
from benchmark.seeds import rng_for

Rows = npt.NDArray[np.intp]

#: A class that gives all it has is the same in every seed. Then nothing is known of new samples of it, and the
#: analysis, which divides by 1 - rho, would have infinite intervals: this bound leaves them very wide.
LARGEST_OVERLAP = 0.9


@dataclass(frozen=True)
class Subsample:
    """One draw.

    Attributes:
        indices: (n,) sorted rows of the data set, all in the pool.
        overlap: rho, the share of a subsample that another seed's is expected to hold too: 0 where the seeds are
            disjoint, else n / pool of the scarcest class, at most `LARGEST_OVERLAP`.
        shortfalls: class -> images, for classes that could not supply n.
    """

    indices: Rows
    overlap: float
    shortfalls: Mapping[str, int] = field(default_factory=dict)


def draw(
    images: Images,
    n_per_class: int,
    seed: int,
    *,
    seeds: int,
    largest_n: int,
    root_seed: int,
    min_per_class: int,
) -> Subsample:
    """Draw the subsample of one seed.

    A class's groups are put in a random order and dealt out to the seeds, so that two seeds share no patient; a
    seed takes one image of each of its groups, then a second, and so on, until it has n. Where a class has too few
    images for that, every seed draws it from the whole pool, and `overlap` says so. For labels (multilabel) the
    same holds for each label's positives, rarest first, and for the images without any.

    Args:
        images: the data set.
        n_per_class: images per class (or positives per label), at most `largest_n`.
        seed: which draw, below `seeds`.
        seeds: draws that are to be disjoint.
        largest_n: the largest n of the run: a smaller n takes the first images of a larger.
        root_seed: the run's.
        min_per_class: fewer images of a class than this are refused.

    Raises:
        InputError: a class has fewer than `min_per_class` images in the pool.
    """
    pool = np.flatnonzero(~images.holdout)
    multilabel = images.task == "multilabel"
    kinds = strata(images.labels[pool], multilabel)
    rng = rng_for(root_seed, "subsample", dataset=images.dataset)
    part = _deal(images.groups[pool], kinds, seeds, rng)
    own = rng_for(root_seed, "subsample", dataset=images.dataset, seed=seed)
    names = [*images.classes, "none of them"] if multilabel else list(images.classes)
    queues: list[Rows] = []
    overlap = 0.0
    shortfalls: dict[str, int] = {}
    for k, name in enumerate(names):
        member = (images.labels[pool, k] > 0.5) if k < len(images.classes) else kinds == k
        available = int(member.sum())
        if available < min_per_class and k < len(images.classes):
            raise InputError(
                f"{images.dataset}: the pool has {available} images of '{name}', fewer than the {min_per_class} "
                "that a class must supply. Leave the class out, or lower min_per_class in a preset."
            )
        parts = np.bincount(part[member], minlength=seeds)
        disjoint = seeds == 1 or parts.min() >= largest_n
        candidates = pool[member & (part == seed)] if disjoint else pool[member]
        queues.append(_spread(candidates, images.groups, own))
        if not disjoint:
            overlap = max(overlap, min(LARGEST_OVERLAP, n_per_class / max(1, available)))
        if available < n_per_class:
            shortfalls[name] = available
    chosen = _fill(queues, images.labels, n_per_class, multilabel)
    return Subsample(np.sort(chosen), overlap, shortfalls)


def _deal(groups: npt.NDArray[np.str_], kinds: Rows, seeds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The seed whose part each image's group belongs to: dealt like cards, stratum by stratum."""
    order, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    part = np.zeros(len(order), dtype=np.intp)
    for kind in np.unique(kinds[first]):
        members = rng.permutation(np.flatnonzero(kinds[first] == kind))
        part[members] = np.arange(len(members)) % seeds
    return np.asarray(part[inverse])


def _spread(rows: Rows, groups: npt.NDArray[np.str_], rng: np.random.Generator) -> Rows:
    """The rows in random order, but with every group's first image before any group's second."""
    shuffled = rng.permutation(rows)
    seen: dict[str, int] = {}
    turn = np.empty(len(shuffled), dtype=np.intp)
    for place, row in enumerate(shuffled):
        group = str(groups[row])
        turn[place] = seen[group] = seen.get(group, -1) + 1
    return shuffled[np.argsort(turn, kind="stable")]


def _fill(queues: list[Rows], labels: npt.NDArray[np.float32], n: int, multilabel: bool) -> Rows:
    """Take from every class's queue until it has n. One image at a time, so that a smaller n is a beginning."""
    if not multilabel:
        return np.concatenate([queue[:n] for queue in queues])
    chosen: dict[int, None] = {}
    counts = np.zeros(len(queues), dtype=np.intp)
    scarce_first = np.argsort([len(queue) for queue in queues], kind="stable")
    heads = [iter(queue) for queue in queues]
    for wanted in count(1):
        if wanted > n:
            break
        for k in scarce_first:
            while counts[k] < wanted:
                row = next((int(row) for row in heads[k] if int(row) not in chosen), None)
                if row is None:
                    break
                chosen[row] = None
                positive = labels[row] > 0.5
                counts[:-1] += positive
                counts[-1] += not positive.any()
    return np.fromiter(chosen, dtype=np.intp)
