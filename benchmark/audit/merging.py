"""Images that are the same, or nearly, under different ids: their groups made one, so that no split divides them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.audit import duplicates
from benchmark.images.contract import Images
from benchmark.images.decoding import Decoded

Rows = npt.NDArray[np.intp]


def joined(images: Images, sets: Sequence[Rows]) -> Images:
    """The index with the groups of every set's images made one, so that no fold and no two seeds divide them.

    Where the holdout is grouped, so ours to draw, a joined group that is in both parts goes to the holdout as a whole.
    Across an official holdout nothing is joined: there the two stay a leak.

    Args:
        images: the index.
        sets: of rows of images that are the same.
    """
    ours = images.holdout_kind == "grouped"
    parts = sets if ours else [part for rows in sets for part in _by_part(images, rows)]
    groups, count = _united(images, parts)
    if not count:
        return images
    holdout = np.isin(groups, groups[images.holdout]) if ours else images.holdout
    return dataclasses.replace(images, groups=groups, holdout=holdout, about={**images.about, "groups_joined": count})


def merge_duplicates(images: Images, decoded: Decoded) -> Images:
    """The index with the groups of copies and near duplicates made one, and what that came to among its facts.

    Pictures of one lesion under several lesion ids are in HAM10000 (Abhishek et al. 2025, arXiv 2401.14497). Where a
    joined group is in the pool and in an official holdout, which is not ours to change, its images of the pool are left
    out: no model learns from them.

    Args:
        images: the index.
        decoded: its pixels.
    """
    every = np.arange(0 if images.synthetic else len(images.sample_ids))  # drawn one by one, but all of one kind
    pairs = duplicates.near(decoded.pixels, every)
    sets = [*duplicates.copies(decoded.hashes), *pairs]
    apart = images.group_numbers[pairs[:, 0]] != images.group_numbers[pairs[:, 1]]
    across = images.holdout[pairs[:, 0]] != images.holdout[pairs[:, 1]]
    united, _ = _united(images, sets)
    result = joined(images, sets)
    left_out = ~images.holdout & np.isin(united, united[images.holdout])
    if images.holdout_kind == "grouped" or not left_out.any():
        left_out = np.zeros_like(left_out)
    text = (
        f"{len(pairs):,} pairs of copies and near duplicates, {int(apart.sum()):,} of them of different groups and "
        f"{int(across.sum()):,} across pool and holdout; {result.about.get('groups_joined', 0):,} groups joined to "
        "others"
    )
    if left_out.any():
        count = len(np.unique(images.groups[left_out]))
        text += f"; {int(left_out.sum()):,} images of {count:,} groups of the pool left out, for the official holdout"
    about = {**result.about, "duplicates_merged": text}
    return dataclasses.replace(result, left_out=left_out if left_out.any() else None, about=about)


def _by_part(images: Images, rows: Rows) -> tuple[Rows, Rows]:
    return rows[images.holdout[rows]], rows[~images.holdout[rows]]


def _united(images: Images, sets: Sequence[Rows]) -> tuple[npt.NDArray[np.str_], int]:
    """(N,) groups, those that share a set under the first of their names; and how many names that saves."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers, names = images.group_numbers, np.unique(images.groups)
    edges = [(numbers[rows[:-1]], numbers[rows[1:]]) for rows in sets if len(rows) > 1]
    if not edges:
        return images.groups, 0
    left, right = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(left), dtype=bool), (left, right)), shape=(len(names), len(names)))
    count, component = connected_components(graph, directed=False)
    if count == len(names):
        return images.groups, 0
    first = np.unique(component, return_index=True)[1]  # names are sorted: the first of each component
    return names[first[component]][numbers], len(names) - count
