"""Counting a data set: images and groups, of each class, in the pool, in the holdout and in both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.images.contract import Images

#: Parts that owners divide their files into, as folders.
SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")


def of(images: Images) -> dict[str, int]:
    """How many there are of "images", "groups", "images of X", "pool images", "holdout groups of X", ..."""
    parts = {"": np.ones_like(images.holdout), "pool ": images.pool, "holdout ": images.holdout}
    counts: dict[str, int] = {}
    for part, rows in parts.items():
        selections = {"": rows} | {
            f" of {name}": rows & (images.labels[:, k] > 0.5) for k, name in enumerate(images.classes)
        }
        for label, selected in selections.items():
            counts[f"{part}images{label}"] = int(selected.sum())
            counts[f"{part}groups{label}"] = len(np.unique(images.group_numbers[selected]))
    return counts


def shared_between_splits(images: Images) -> dict[tuple[str, str], int]:
    """Groups that are in two of the parts that the owner's folders make, for every two parts."""
    parts = _splits(images)
    names = [name for name in SPLITS if (parts == name).any()]
    members = {name: set(images.groups[parts == name].tolist()) for name in names}
    return {
        (first, second): len(members[first] & members[second])
        for i, first in enumerate(names)
        for second in names[i + 1 :]
    }


def _splits(images: Images) -> npt.NDArray[np.str_]:
    """(N,) the owner's part that each image lies in, or ""."""
    paths = getattr(images.read, "paths", ())
    known = len(paths) == len(images.groups)
    return np.array([_part(str(path)) for path in paths] if known else [""] * len(images.groups))


def _part(path: str) -> str:
    """The last folder on the way to a file that is called as a split; "" where none is."""
    folders = path.replace("\\", "/").lower().split("/")[:-1]
    return next((folder for folder in reversed(folders) if folder in SPLITS), "")
