"""Files that lie beside an image and are none of their own: its mask, its annotation, a picture with outlines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import PurePosixPath

from benchmark.errors import InputError

WORDS = (
    "mask", "masks", "seg", "segm", "segmentation", "segmentations", "segmented", "annotation", "annotations",
    "annotated", "contour", "contours", "outline", "outlines", "overlay", "overlays", "roi", "rois", "gt",
    "groundtruth", "ground_truth", "ground-truth", "label", "labels", "heatmap", "saliency",
)  # fmt: skip
#: ``x_mask``, ``x_mask_1``, ``x-seg2``, ``x (1)_mask``: the image's own name, a word after a break, a number.
BESIDE = re.compile(rf"^(.+?)([ ._-]+(?:{'|'.join(WORDS)}))(?:[ ._-]*\(?\d+\)?)?$", re.IGNORECASE)
NAMED = 3  # examples in a message


def companions(names: Iterable[str]) -> dict[str, str]:
    """Companion -> the image that it lies beside, by their names without suffixes.

    Args:
        names: paths of image files, with ``/``, relative to the data set.
    """
    files = {PurePosixPath(name).with_suffix("").as_posix(): name for name in names}
    pairs = {}
    for stem, name in files.items():
        parts = stem.split("/")
        folders = [part for part in parts[:-1] if part.lower() not in WORDS]
        beside = BESIDE.match(parts[-1])
        for base in (parts[-1], beside[1] if beside else ""):
            image = "/".join([*folders, base])
            if image != stem and image in files:
                pairs[name] = files[image]
    return pairs


def refuse_companions(dataset: str, names: Collection[str], excluded: Sequence[str] = ()) -> None:
    """Raise `InputError` where files are companions of others, with the patterns that exclude them.

    Args:
        dataset: as the user named it.
        names: paths of its image files.
        excluded: the patterns that it excludes already.
    """
    pairs = companions(names)
    if not pairs:
        return
    listed = ", ".join(f"'{name}' beside '{image}'" for name, image in list(pairs.items())[:NAMED])
    globs = [*excluded, *_globs(pairs, [name for name in names if name not in pairs])]
    stem, _, pattern = dataset.partition(":group-pattern=")
    stem = stem.partition(":exclude=")[0]
    remedy = f"{stem}:exclude={'+'.join(globs)}" + (f":group-pattern={pattern}" if pattern else "")
    raise InputError(
        f"{len(pairs):,} of the {len(names):,} image files seem to be masks or the like, which lie beside their "
        f"images: {listed}. As images of their class they would be learnt from and scored. Leave them out with "
        f"'{remedy}', or rename them if they are images."
    )


def _globs(pairs: Iterable[str], images: Collection[str]) -> list[str]:
    """Patterns that match all companions and no image: one for each word and break, else a companion's own name."""
    globs: dict[str, None] = {}
    for name in pairs:
        path = PurePosixPath(name)
        folder = next((part for part in path.parts[:-1] if part.lower() in WORDS), None)
        beside = BESIDE.match(path.stem)
        if any(fnmatchcase(name, known) for known in globs):
            continue
        glob = f"*/{folder}/*" if folder is not None else f"*{beside[2]}*" if beside else escape(name)
        globs[escape(name) if any(fnmatchcase(image, glob) for image in images) else glob] = None
    return list(globs)
