"""Decode every image once: an array on disk at the working size, keyed by the images' content."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.datasets.contract import Images
from benchmark.errors import InputError
from benchmark.results import atomic_path, read_json, write_json

VERSION = 1  # raise it when decoding changes
NAMED = 5  # unreadable files named in the message


@dataclass(frozen=True)
class Decoded:
    """Decoded images and the index that goes with them.

    Attributes:
        images: the index, without the images that were left out.
        path: the array's file.
    """

    images: Images
    path: Path

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """(N, size, size, channels), a memory map; row i is image i of the index."""
        return np.asarray(np.load(self.path, mmap_mode="r"))


def decoded(
    images: Images,
    size: int,
    folder: Path,
    workers: int = 1,
    skip_bad: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Decoded:
    """The images at the working size, from the cache or decoded now.

    Each whole image is resized to a square, antialiased: nothing at its border is lost, at the price of its
    aspect ratio, which is the same for all images of a data set or nearly so.

    Args:
        images: the index.
        size: side in pixels.
        folder: of the cache.
        workers: threads that decode; the decoder and the resizing run outside Python's lock.
        skip_bad: leave unreadable images out (and count them in the facts) instead of stopping.
        progress: called with the number of images decoded so far.

    Raises:
        InputError: an image cannot be read; the message names up to `NAMED` of them and counts the rest.
    """
    key = f"{VERSION}\0{images.fingerprint}\0{size}\0{images.channels}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    stem = "".join(c if c.isalnum() else "-" for c in images.dataset)[-40:]
    path = folder / f"{stem}-{size}px-{digest}.npy"
    remarks = path.with_suffix(".json")
    if not path.exists() or not remarks.exists():
        errors = _decode(images, size, path, workers, progress)
        write_json(remarks, {"unreadable": {str(images.sample_ids[i]): text for i, text in errors.items()}})
    unreadable = read_json(remarks)["unreadable"]
    if unreadable and not skip_bad:
        texts = list(unreadable.values())
        listed = "\n".join(f"  {text}" for text in texts[:NAMED])
        more = f"\n  and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
        path.unlink(missing_ok=True)  # the files may be mended under the same names and lengths
        raise InputError(f"{images.dataset}: {len(texts)} of {len(images.sample_ids)} images:\n{listed}{more}")
    if unreadable:
        good = ~np.isin(images.sample_ids, list(unreadable))
        images = subset(images, good, {"skipped_images": len(unreadable)})
    return Decoded(images, path)


def subset(images: Images, keep: npt.NDArray[np.bool_], facts: dict[str, object]) -> Images:
    """The index of some of the images, with further facts."""
    rows = np.flatnonzero(keep)
    return dataclasses.replace(
        images,
        sample_ids=images.sample_ids[rows],
        groups=images.groups[rows],
        labels=images.labels[rows],
        holdout=images.holdout[rows],
        read=lambda index: images.read(int(rows[index])),
        facts={**images.facts, **facts},
    )


def _decode(images: Images, size: int, path: Path, workers: int, progress: Callable[[int], None]) -> dict[int, str]:
    """Write the readable images' array; return row -> message of the unreadable ones."""
    from PIL import Image

    count = len(images.sample_ids)
    pixels = np.zeros((count, size, size, images.channels), dtype=np.uint8)
    errors: dict[int, str] = {}

    def one(row: int) -> None:
        try:
            image = images.read(row)
        except InputError as error:
            errors[row] = str(error)
            return
        if image.shape[:2] != (size, size):
            image = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
        pixels[row] = image.reshape(size, size, images.channels)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, _ in enumerate(pool.map(one, range(count)), 1):
            if done % 256 == 0 or done == count:
                progress(done)
    if errors:
        pixels = np.delete(pixels, list(errors), axis=0)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, pixels)
    return dict(sorted(errors.items()))
