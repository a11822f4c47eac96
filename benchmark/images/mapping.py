"""The images of one data set in the classes of another, so that models of the other can be judged on them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images
from benchmark.images.decoding import subset

#: Of a data set of several labels: the images without any, where that is no label of its own.
NO_LABEL = "No Finding"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _InChannels:
    """Reads another reader's images as grey or as colour; a class, so that it can be sent to other processes."""

    read: Callable[[int], npt.NDArray[np.uint8]]
    channels: int

    def __call__(self, index: int) -> npt.NDArray[np.uint8]:
        from PIL import Image

        return np.asarray(Image.fromarray(self.read(index)).convert("L" if self.channels == 1 else "RGB"))


def in_classes_of(target: Images, images: Images, classes: Mapping[str, tuple[str, ...]], name: str) -> Images:
    """All images of a data set that belong to classes of another, labelled in these, as one holdout.

    An image belongs to a class if it has one of the labels that stand for it. Where classes exclude each other, one
    that belongs to none or to several is left out and counted; where they do not, one is left out of which no label is
    known. A class that nothing stands for is left out of `classes`; scores of models of the target can be judged on
    the others alone.

    Args:
        target: the data set whose classes are used.
        images: of the other.
        classes: class of the target -> labels of the other; empty for a class that is left out.
        name: of the result.

    Raises:
        InputError: a class or label that does not exist, a class that is not mentioned, or too few that are left.
    """
    for wanted in classes:
        if wanted not in target.classes:
            raise unknown_name(f"class of {target.dataset} in the map to {images.dataset}", wanted, target.classes)
    lacking = [wanted for wanted in target.classes if wanted not in classes]
    if lacking:
        raise InputError(
            f"{name}: the map says nothing of {', '.join(lacking)}. Say which labels of {images.dataset} stand for "
            f"{lacking[0]}, or '{lacking[0]}=' to judge without it. It has: {', '.join(_labels_of(images))}."
        )
    kept = tuple(wanted for wanted in target.classes if classes[wanted])
    if len(kept) < (1 if target.task == "multilabel" else 2):
        raise InputError(f"{name}: the map leaves {len(kept)} classes of {target.dataset}, too few to tell apart.")
    columns = np.stack([_any_of(images, classes[wanted]) for wanted in kept], axis=1)
    if target.task == "multilabel":
        keep = np.asarray(~np.isnan(columns).all(axis=1))
        left_out = {"no label known": int((~keep).sum())}
    else:
        belongs = columns == 1
        keep = np.asarray(belongs.sum(axis=1) == 1)
        left_out = {
            "no class": int((~belongs.any(axis=1)).sum()),
            "several classes": int((belongs.sum(axis=1) > 1).sum()),
        }
        columns = belongs.astype(np.float32)
    part = subset(images, keep, {})
    map_text = ", ".join(f"{wanted} = {' + '.join(classes[wanted]) or 'left out'}" for wanted in target.classes)
    if not keep.any():
        raise InputError(f"{name}: no image of {images.dataset} belongs to a class of the map ({map_text}).")
    same = images.channels == target.channels
    return dataclasses.replace(
        part,
        dataset=name,
        task=target.task,
        classes=kept,
        labels=columns[keep],
        holdout=np.ones(int(keep.sum()), dtype=bool),
        holdout_kind="official",
        channels=target.channels,
        read=part.read if same else _InChannels(part.read, target.channels),
        fingerprint=mapped_fingerprint(target, images, classes),
        about={
            **images.about,
            "holdout": f"all images of {images.dataset} that belong to a class",
            "external_of": target.dataset,
            "external": images.dataset,
            "map": map_text,
            "dropped": [wanted for wanted in target.classes if not classes[wanted]],
            "left_out": left_out,
            "native": _native(part),
        },
    )


def mapped_fingerprint(target: Images, images: Images, classes: Mapping[str, tuple[str, ...]]) -> str:
    """Text that changes whenever images, map, or what the target makes of them may have changed."""
    text = repr((images.fingerprint, sorted(classes.items()), target.classes, target.task, target.channels))
    return hashlib.sha256(text.encode()).hexdigest()


def _native(images: Images) -> str:
    """The size of the first image."""
    try:
        height, width = images.read(0).shape[:2]
    except InputError:
        return "not known"
    return f"{width} x {height} px"


def _labels_of(images: Images) -> tuple[str, ...]:
    extra = images.task == "multilabel" and NO_LABEL not in images.classes
    return (*images.classes, NO_LABEL) if extra else images.classes


def _any_of(images: Images, labels: tuple[str, ...]) -> Floats:
    """(N,) 1 where an image has one of the labels, 0 where it is known to have none, else NaN."""
    known = _labels_of(images)
    columns = []
    for label in labels:
        if label not in known:
            raise unknown_name(f"label of {images.dataset}", label, known)
        if label in images.classes:
            columns.append(images.labels[:, images.classes.index(label)])
        else:
            columns.append(_none_of(images.labels))
    values = np.stack(columns, axis=1)
    result = np.where(np.isnan(values).any(axis=1), np.nan, 0.0)
    return np.where((values == 1).any(axis=1), 1.0, result).astype(np.float32)


def _none_of(labels: Floats) -> Floats:
    """(N,) 1 where all of (N, K) labels are known to be absent, 0 where one is present, else NaN."""
    result = np.where(np.isnan(labels).any(axis=1), np.nan, 1.0)
    return np.where((labels == 1).any(axis=1), 0.0, result).astype(np.float32)
