"""The training subsample of one seed: n per class, spread over groups, nested in n, disjoint across seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.images.contract import Images
from benchmark.images.folds import strata
from benchmark.seeds import rng_for

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Subsample:
    """One draw.

    Attributes:
        indices: (n,) sorted rows of the data set, all in the pool.
        shortfalls: class -> images, for classes that could not supply n.
    """

    indices: Rows
    shortfalls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Overlap:
    """What the subsamples of different seeds share, measured from the draws.

    Attributes:
        rho: mean over pairs of seeds of the share of images that both hold, in [0, 1]; 0 for one seed. Where the seeds
            have equally many images of a class, it is the classes' overlaps weighted by their part of the subsample.
        by_class: class or label -> the same among its images; 1 where every seed takes all that the pool has.
    """

    rho: float
    by_class: Mapping[str, float]


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

    A class's groups are put in a random order and dealt out to the seeds, so that two seeds share no patient; a seed
    takes one image of each of its groups, then a second, and so on, until it has n. Where n is more than a seed's part,
    the seed goes on in the others' parts: the n that fit stay disjoint, and `measure_overlap` tells what the larger
    share. Which image of a group comes first is drawn anew for every seed. For labels (multilabel) the same holds for
    each label's positives, rarest first, and for the images without any.

    Args:
        images: the data set.
        n_per_class: images per class (or positives per label), at most `largest_n`.
        seed: which draw, below `seeds`.
        seeds: draws that are to be disjoint.
        largest_n: the largest n of the run: a smaller n takes the first images of a larger.
        root_seed: the run's.
        min_per_class: fewer images of a class than this are refused.

    Raises:
        InputError: a class has fewer than `min_per_class` images in the pool, or none has n.
    """
    pool = np.flatnonzero(images.pool)
    multilabel = images.task == "multilabel"
    kinds = strata(images.labels[pool], multilabel)
    rng = rng_for(root_seed, "subsample", dataset=images.dataset)
    part = _deal(images.group_numbers[pool], kinds, seeds, rng)
    own = rng_for(root_seed, "subsample", dataset=images.dataset, seed=seed)
    names = [*images.classes, "none of them"] if multilabel else list(images.classes)
    queues: list[Rows] = []
    shortfalls: dict[str, int] = {}
    for k, name in enumerate(names):
        member = (images.labels[pool, k] > 0.5) if k < len(images.classes) else kinds == k
        available = int(member.sum())
        if available < min_per_class and k < len(images.classes):
            raise InputError(
                f"{images.dataset}: the pool has {available} images of '{name}', fewer than the {min_per_class} "
                "that a class must supply. Leave the class out, or lower min_per_class in a preset."
            )
        smallest = int(np.bincount(part[member], minlength=seeds).min())
        queue = _spread(pool[member & (part == seed)], images.group_numbers, own)
        if smallest < largest_n:
            others = _spread(pool[member & (part != seed)], images.group_numbers, own)
            queue = np.concatenate([queue, others])
        queues.append(queue)
        if available < n_per_class:
            shortfalls[name] = available
    if all(name in shortfalls for name in images.classes):
        raise InputError(
            f"{images.dataset}: no class has {n_per_class} images in the pool "
            f"({', '.join(f'{name} {count}' for name, count in shortfalls.items())}). Use a smaller --n-per-class."
        )
    chosen = _fill(queues, images.labels, n_per_class, multilabel)
    return Subsample(np.sort(chosen), shortfalls)


def measure_overlap(images: Images, draws: Sequence[Subsample]) -> Overlap:
    """What the draws of one data set and n share, pair by pair; of images both hold, over the mean size of the two.

    It lies above n / pool where groups differ in size: every group gives one image first, so that groups of a single
    image are in most of the draws.

    Args:
        images: the data set.
        draws: one a seed.

    Raises:
        InputError: several seeds all take the same images, so that there is no second training sample to speak of.
    """
    held = [drawn.indices for drawn in draws]
    by_class = {
        name: _mean_share([rows[images.labels[rows, k] > 0.5] for rows in held])
        for k, name in enumerate(images.classes)
    }
    rho = _mean_share(held)
    if rho == 1:
        raise InputError(
            f"{images.dataset}: all {len(draws)} seeds draw the same {len(held[0])} images, as they take all that the "
            "pool has of every class. New training samples cannot be judged from one: use a smaller --n-per-class, or "
            "--seeds 1 for a comparison of these trained models."
        )
    return Overlap(rho, by_class)


def _mean_share(draws: Sequence[Rows]) -> float:
    """Mean over pairs of draws of the rows that both hold, over the mean of their sizes; 0 for one draw."""
    if len(draws) < 2:
        return 0.0
    drawn, place = np.unique(np.concatenate(draws), return_inverse=True)
    member = np.zeros((len(draws), len(drawn)), dtype=np.float32)
    member[np.repeat(np.arange(len(draws)), [len(rows) for rows in draws]), place] = 1
    shared = member @ member.T  # counts below 2^24, so exact
    first, second = np.triu_indices(len(draws), 1)
    sizes = np.diag(shared)
    return float(np.mean(2 * shared[first, second].astype(np.float64) / np.maximum(1, sizes[first] + sizes[second])))


def _deal(groups: Rows, kinds: Rows, seeds: int, rng: np.random.Generator) -> Rows:
    """The seed whose part each image's group belongs to: dealt like cards, stratum by stratum."""
    order, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    part = np.zeros(len(order), dtype=np.intp)
    for kind in np.unique(kinds[first]):
        members = rng.permutation(np.flatnonzero(kinds[first] == kind))
        part[members] = np.arange(len(members)) % seeds
    return np.asarray(part[inverse])


def _spread(rows: Rows, groups: Rows, rng: np.random.Generator) -> Rows:
    """The rows in random order, but with every group's first image before any group's second."""
    shuffled = rng.permutation(rows)
    seen: dict[int, int] = {}
    turn = np.empty(len(shuffled), dtype=np.intp)
    for place, row in enumerate(shuffled):
        group = int(groups[row])
        turn[place] = seen[group] = seen.get(group, -1) + 1
    return shuffled[np.argsort(turn, kind="stable")]


def _fill(queues: list[Rows], labels: npt.NDArray[np.float32], n: int, multilabel: bool) -> Rows:
    """Take from every class's queue until it has n, one image at a time, so that a smaller n is a part."""
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
