"""How much disk and memory a run needs, before it begins: what is exact is exact, the rest rounded up."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import chain

from benchmark.disk import free_bytes, size_text
from benchmark.images import decoding
from benchmark.images.contract import Images
from benchmark.runs.request import Request
from benchmark.spec import Cell
from studies.devices import CONTEXT_MB, CardMemory

#: Bytes, measured on small runs and rounded up: of a row of predictions and each of its classes, compressed; of a
#: trial in its journal and tables, and of every epoch of its folds' curves; of a trial in MLflow; of a report.
ROW, SCORE, TRIAL, EPOCH, MIRRORED, REPORT = 16, 6, 4000, 30, 12_000, 30_000_000
HASH = 128  # bytes of an image's, in the cache
PREDICTED = 1024  # holdout images that a worker holds at one time: `studies.trainer.PREDICTED`


def disk_needed(
    request: Request, images: Mapping[str, Images], cells: Sequence[Cell], elsewhere: Mapping[str, Sequence[Images]]
) -> int:
    """Bytes that a run will still write below `mlruns`: decoded images, its open cells, MLflow's mirror, the report.

    Args:
        request: the run.
        images: by data set, of those that are there.
        cells: that are not finished, of these data sets.
        elsewhere: the test sets from elsewhere of these data sets.
    """
    spec, size = request.spec, request.spec.image_size
    needed = REPORT if cells else 0
    for index in (*images.values(), *chain.from_iterable(elsewhere.values())):
        if not decoding.is_decoded(index, size, request.root / "cache"):
            needed += decoding.decoded_bytes(index, size) + HASH * len(index.sample_ids)
    for cell in cells:
        index = images[cell.dataset]
        predictions = int(index.holdout.sum()) * spec.refits * (ROW + SCORE * len(index.classes))
        needed += 2 * predictions  # MLflow keeps a copy
        for test_set in elsewhere[cell.dataset]:
            needed += len(test_set.labels) * spec.refits * (ROW + SCORE * len(test_set.classes))
        needed += spec.budget * (TRIAL + EPOCH * spec.max_epochs * spec.folds + MIRRORED)
    return needed


def memory_needed(request: Request, images: Mapping[str, Images], rows: Mapping[Cell, int], worker_mb: float) -> int:
    """Bytes of main memory that the workers take together, at least.

    Args:
        request: the run.
        images: by data set, of those that are there.
        rows: images of the subsample, by open cell of these data sets.
        worker_mb: peak of a worker process in a short trial of two batches.
    """
    largest = max(
        (
            (count + min(PREDICTED, int(images[cell.dataset].holdout.sum())))
            * request.spec.image_size**2
            * images[cell.dataset].channels
            for cell, count in rows.items()
        ),
        default=0,
    )
    return request.workers * (int(worker_mb * 2**20) + largest)


def disk_line(request: Request, needed: int) -> str:
    """What is needed of the disk and what there is; a shortage is named."""
    free = free_bytes(request.root)
    short = "  NOT ENOUGH: make room first" if needed > free else ""
    return f"disk        about {size_text(needed)} more under {request.root}, where {size_text(free)} are free{short}"


def memory_line(request: Request, needed: int) -> str:
    """The same of main memory."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    tight = "  NOT ENOUGH: give fewer --workers" if needed > there else ""
    return f"memory      about {size_text(needed)} for {request.workers} workers, of {size_text(there)}{tight}"


def card_lines(devices: Sequence[str], free_mb: Mapping[str, float], card_mb: float) -> list[str]:
    """What a worker takes of each card and how many it holds, a line each; of the CPU none.

    Args:
        devices: of each worker.
        free_mb: by card, its free memory.
        card_mb: what a worker's process was seen to take in a short trial of two batches; 0: none was made.
    """
    memory, lines = CardMemory(dict(free_mb)), []
    for device, free in free_mb.items():
        memory.trial(device, card_mb)
        wanted = devices.count(device)
        held = 1 + sum(memory.admits(device, busy) for busy in range(1, wanted))
        tight = f"  {wanted - held} of them will wait: give fewer --workers-per-device" if held < wanted else ""
        took = size_text(int((card_mb + CONTEXT_MB) * 2**20))
        lines.append(
            f"{device:<11} about {took} for each of {wanted} workers, of {size_text(int(free * 2**20))}{tight}"
        )
    return lines if card_mb else []
