"""Decode every image once: an array on disk at the working size, keyed by the images' content."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.disk import allocate
from benchmark.errors import InputError
from benchmark.images import cache_record
from benchmark.images.contract import Images
from benchmark.intact import set_aside
from benchmark.processes import follow_parent
from benchmark.results import atomic_path, path_name

VERSION = 3  # raise it when decoding changes
NAMED = 5  # unreadable files named in the message
CHUNK = 128  # images of one task, and of one report of progress
TIMED = 32  # images from which the time for all is estimated
FEW = 512  # as many images are decoded before other processes have started

Pixels = npt.NDArray[np.uint8]
Chunk = tuple[dict[int, str], list[str]]  # row -> why it is unreadable; hash of every row's native pixels
Work = Callable[[int], Chunk]


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
    def pixels(self) -> Pixels:
        """(N, size, size, channels), a memory map; row i is image i of the index."""
        return np.asarray(np.load(self.path, mmap_mode="r"))

    @property
    def hashes(self) -> npt.NDArray[np.str_]:
        """(N,) hex digests of the images' pixels at native size: equal for exact duplicates."""
        return np.asarray(np.load(cache_record.hashes_path(self.path)))


@dataclass(frozen=True)
class _Rows:
    """Reads some of another reader's images; a class, so that it can be sent to other processes."""

    read: Callable[[int], Pixels]
    rows: npt.NDArray[np.intp]

    def __call__(self, index: int) -> Pixels:
        return self.read(int(self.rows[index]))


def decoded(
    images: Images,
    size: int,
    folder: Path,
    workers: int = 1,
    skip_bad: bool = False,
    progress: Callable[[int], None] = lambda done: None,
    report: Callable[[str], None] | None = None,
) -> Decoded:
    """The images at the working size, from the cache, whose sums are checked, or decoded now.

    Each whole image is resized to a square, antialiased: nothing at its border is lost, at the price of its
    aspect ratio, which is the same for all images of a data set or nearly so.

    Args:
        images: the index.
        size: side in pixels.
        folder: of the cache.
        workers: processes that decode.
        skip_bad: leave unreadable images out (and count them in `Images.about`) instead of stopping.
        progress: called with the number of images decoded so far.
        report: takes a line where the cache is damaged, and everything is decoded anew; None = standard error.

    Raises:
        DiskFull: the cache's disk has no room for the array.
        InputError: an image cannot be read; the message names up to `NAMED` of them and counts the rest.
    """
    path = _cached(images, size, folder)
    current = cache_record.is_there(path)
    if current and (wrong := cache_record.damage(path, workers)) is not None:
        line = f"{images.dataset}: the cache {path} is damaged ({wrong}); its images are decoded anew"
        if report is None:
            sys.stderr.write(f"{line}\n")
        else:
            report(line)
        current = False
    if not current:
        for file in (path, cache_record.hashes_path(path), cache_record.record_path(path)):
            if file.is_dir():
                set_aside(file)
        errors = _decode(images, size, path, workers, progress)
        cache_record.write_record(path, {str(images.sample_ids[i]): text for i, text in errors.items()}, workers)
    unreadable = cache_record.read_unreadable(path)
    if unreadable and not skip_bad:
        texts = list(unreadable.values())
        listed = "\n".join(f"  {text}" for text in texts[:NAMED])
        more = f"\n  and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
        raise InputError(f"{images.dataset}: {len(texts)} of {len(images.sample_ids)} images:\n{listed}{more}")
    if unreadable:
        good = ~np.isin(images.sample_ids, list(unreadable))
        images = subset(images, good, {"skipped_images": len(unreadable)})
    return Decoded(images, path)


def is_decoded(images: Images, size: int, folder: Path) -> bool:
    """Whether the cache has the images at the working size."""
    return cache_record.is_there(_cached(images, size, folder))


def decoded_bytes(images: Images, size: int) -> int:
    """Bytes of the images at the working size."""
    return len(images.sample_ids) * size**2 * images.channels


def decode_seconds(images: Images, size: int) -> float:
    """Expected seconds of one process for decoding all images, from a few that are decoded now and not kept."""
    rows = np.linspace(0, len(images.sample_ids) - 1, TIMED).astype(int)
    began = time.perf_counter()
    for row in rows:
        with suppress(InputError):
            resized(images.read(int(row)), size)
    return (time.perf_counter() - began) / len(rows) * len(images.sample_ids)


def subset(images: Images, keep: npt.NDArray[np.bool_], about: Mapping[str, object]) -> Images:
    """The index of the images for which `keep`, (N,), is True, with more to say about them."""
    rows = np.flatnonzero(keep)
    return dataclasses.replace(
        images,
        sample_ids=images.sample_ids[rows],
        groups=images.groups[rows],
        labels=images.labels[rows],
        holdout=images.holdout[rows],
        attributes={name: values[rows] for name, values in images.attributes.items()},
        left_out=None if images.left_out is None else images.left_out[rows],
        read=_Rows(images.read, rows),
        about={**images.about, **about},
    )


def resized(image: Pixels, size: int) -> Pixels:
    """(H, W) or (H, W, 3) to (size, size, channels), antialiased."""
    from PIL import Image

    if image.shape[:2] != (size, size):
        image = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return image.reshape(size, size, -1)


def _cached(images: Images, size: int, folder: Path) -> Path:
    key = f"{VERSION}\0{images.fingerprint}\0{size}\0{images.channels}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return folder / f"{path_name(images.dataset)}-{size}px-{digest}.npy"


def _decode(images: Images, size: int, path: Path, workers: int, progress: Callable[[int], None]) -> dict[int, str]:
    """Write the array and the hashes of the readable images; return row -> message of the unreadable ones."""
    count = len(images.sample_ids)
    errors: dict[int, str] = {}
    hashes: list[str] = []
    with atomic_path(path) as temporary:
        shape = (count, size, size, images.channels)
        # Written through a memory map: a large data set may not fit into memory.
        _empty_array(temporary, shape)
        work = functools.partial(_chunk, images.read, size, temporary)
        starts = range(0, count, CHUNK)
        for start, (bad, some) in zip(starts, _spread(work, starts, workers, count), strict=True):
            errors |= bad
            hashes += some
            progress(min(count, start + CHUNK))
        if errors:
            _without(temporary, errors)
    kept = [text for row, text in enumerate(hashes) if row not in errors]
    with atomic_path(cache_record.hashes_path(path)) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(kept, dtype="U32"))
    return errors


def _empty_array(path: Path, shape: tuple[int, ...]) -> Pixels:
    """A new array's file, all of it allocated, as a memory map."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    allocate(path, path.stat().st_size)
    return np.asarray(array)


def _spread(work: Work, starts: Iterable[int], workers: int, count: int) -> Iterator[Chunk]:
    """Do the chunks, in order, in processes: threads would wait for Python's lock between small images."""
    if workers <= 1 or count <= FEW:
        yield from map(work, starts)
        return
    # A forked child starts at once and does nothing here but Pillow and NumPy.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(work,)) as pool:
        try:
            waiting = deque(pool.submit(_continue, start) for start in starts)
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                "a process that decodes images was killed, most likely because memory ran out: give fewer --workers, "
                "or free memory, and give the same command again."
            ) from error
        except BaseException:  # the pool would finish the chunks that it has begun
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise


_given: list[Work] = []  # a worker process's own: the list of files is sent once, not with every chunk


def _begin(work: Work) -> None:
    follow_parent()
    _given[:] = [work]


def _continue(start: int) -> Chunk:
    return _given[0](start)


def _chunk(read: Callable[[int], Pixels], size: int, path: Path, start: int) -> Chunk:
    """Decode up to `CHUNK` images from row `start` into the array's file."""
    pixels = np.lib.format.open_memmap(path, mode="r+")
    errors: dict[int, str] = {}
    hashes = []
    for row in range(start, min(len(pixels), start + CHUNK)):
        try:
            image = read(row)
        except InputError as error:
            errors[row] = str(error)
            hashes.append("")
            continue
        text = f"{image.shape}\0".encode() + image.tobytes()
        hashes.append(hashlib.blake2b(text, digest_size=16).hexdigest())
        pixels[row] = resized(image, size)
    return errors, hashes


def _without(path: Path, rows: Iterable[int]) -> None:
    """Take rows out of an array's file."""
    keep = np.setdiff1d(np.arange(len(np.load(path, mmap_mode="r"))), list(rows))
    before = np.load(path, mmap_mode="r")
    with atomic_path(path.with_suffix(".kept")) as temporary:
        after = _empty_array(temporary, (len(keep), *before.shape[1:]))
        for start in range(0, len(keep), CHUNK):
            after[start : start + CHUNK] = before[keep[start : start + CHUNK]]
    path.with_suffix(".kept").replace(path)
