"""Frozen features on disk, for the trials, refits, cells and runs that need the same: bounded, and safe to lose.

A file holds the features of up to a chunk of images. It is named by all that decides them, so that who reads it needs
to ask nothing else; a file that is damaged is no file. The trials of a cell go through the views of its images in the
same order, epoch by epoch, and the early epochs are in most of them. So where not all views have room, those of the
last epochs are let go: dropping what was used the longest time ago would drop every view before it is used again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.results import atomic_path

LARGEST = 64 * 2**30  # bytes of a store, and no more than
SHARE = 0.5  # of the bytes that the disk has free for it
IDLE = 24 * 3600.0  # seconds after which a group is taken to be no longer in use
GRAIN = 16  # that part of a store is written, at most, between two looks at how much all processes have stored
PAUSE = 60.0  # seconds for which views as late as one that found no room are not tried
GAIN = 10.0  # computing must take so many times as long as keeping and reading
BYTES_A_SECOND, FILE_SECONDS = 250e6, 1e-3  # of compressing, and of a file
MARK = "last-use"


@dataclass(frozen=True, slots=True)
class Place:
    """Where features are.

    Attributes:
        group: what they are used together with; a folder's name.
        epoch: from which on they are used; the highest of a group is dropped first.
        key: of all that decides them.
    """

    group: str
    epoch: int
    key: str

    def path(self, folder: Path) -> Path:
        """The file."""
        return folder / self.group / f"{self.epoch:04d}-{self.key}"


@dataclass
class _Group:
    name: str
    last_use: float
    files: list[tuple[int, int, str]]  # epoch, bytes, name; rising

    @property
    def bytes(self) -> int:
        return sum(size for _, size, _ in self.files)


class FeatureStore:
    """A folder of features, which several processes may use at once."""

    def __init__(self, folder: Path, largest: int = LARGEST, gain: float = GAIN) -> None:
        """Use a folder, which need not exist, for up to `largest` bytes."""
        self._folder, self._largest, self._gain = folder, largest, gain
        self._room = 0  # bytes that may be written before the next look
        self._marked: dict[str, float] = {}
        self._refused: dict[str, tuple[int, float]] = {}  # group -> epoch, when

    def read(self, place: Place) -> Tensor | None:
        """Features with the strides that they were written with; None where there are none, or not any more."""
        path = place.path(self._folder)
        try:
            with path.open("rb") as file:
                header, content = file.readline(), file.read()
            features = _unpacked(header, content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        self._mark(place.group)
        return features

    def write(self, place: Place, features: Tensor, seconds: float) -> None:
        """Keep features that took so long to compute, if that is worth it and there is room."""
        size = features.numel() * features.element_size()
        if seconds < self._gain * (size / BYTES_A_SECOND + FILE_SECONDS) or not self._may_try(place):
            return
        if torch.empty_like(features).stride() != features.stride():
            return  # there are gaps between its values
        content = _packed(features)
        with suppress(OSError):  # a full disk, no rights: computed again, then
            if self._has_room(place, len(content)):
                with atomic_path(place.path(self._folder), sync=False) as temporary:
                    temporary.write_bytes(content)
                self._room -= len(content)
                self._mark(place.group)

    def release(self, group: str) -> None:
        """Nobody is going to need a group soon: it is the first to go."""
        self._marked.pop(group, None)
        with suppress(OSError):
            (self._folder / group / MARK).unlink(missing_ok=True)

    def _mark(self, group: str) -> None:
        now = time.time()
        if now - self._marked.get(group, 0.0) > PAUSE:
            self._marked[group] = now
            with suppress(OSError):
                (self._folder / group / MARK).touch()

    def _may_try(self, place: Place) -> bool:
        epoch, when = self._refused.get(place.group, (0, 0.0))
        return place.epoch < epoch or time.time() - when > PAUSE

    def _has_room(self, place: Place, size: int) -> bool:
        """Whether so many bytes may be written, after files that matter less are removed."""
        if size <= self._room:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        groups = {group.name: group for group in _groups(self._folder)}
        used = sum(group.bytes for group in groups.values())
        limit = min(self._largest, int(SHARE * (shutil.disk_usage(self._folder).free + used)))
        ours = groups.setdefault(place.group, _Group(place.group, time.time(), []))
        while used + size > limit:
            group = _loser(groups.values(), ours, size)
            if not group.files or (group is ours and group.files[-1][0] <= place.epoch):
                self._refused[place.group] = place.epoch, time.time()
                return False
            _, freed, name = group.files.pop()
            (self._folder / group.name / name).unlink(missing_ok=True)
            used -= freed
        self._room = max(size, min(limit - used, limit // GRAIN))
        return True


def _groups(folder: Path) -> Iterable[_Group]:
    for entry in os.scandir(folder):
        if not entry.is_dir():
            continue
        last_use, files = 0.0, []
        with suppress(FileNotFoundError):  # removed by others at this moment
            for file in os.scandir(entry.path):
                with suppress(FileNotFoundError):
                    status = file.stat()
                    if file.name == MARK:
                        last_use = status.st_mtime
                    elif (epoch := file.name.partition("-")[0]).isdigit():
                        files.append((int(epoch), status.st_size, file.name))
        yield _Group(entry.name, last_use, sorted(files))


def _loser(groups: Iterable[_Group], ours: _Group, size: int) -> _Group:
    """Whose file is to go: a group's that nobody uses, else one's that has more than its equal share, else ours."""
    others = [group for group in groups if group is not ours and group.files]
    idle = [group for group in others if time.time() - group.last_use > IDLE]
    if idle:
        return min(idle, key=lambda group: group.last_use)
    largest = max(others, key=lambda group: group.bytes, default=ours)
    return largest if largest.bytes > ours.bytes + size else ours


def _packed(features: Tensor) -> bytes:
    import pyarrow as pa

    values = torch.as_strided(features, (features.numel(),), (1,)).view(torch.uint8).numpy()
    content: bytes = pa.Codec("zstd", compression_level=1).compress(values, asbytes=True)
    layout = [str(features.dtype).removeprefix("torch."), list(features.shape), list(features.stride())]
    return json.dumps([_sum(layout, content), *layout]).encode() + b"\n" + content


def _unpacked(header: bytes, content: bytes) -> Tensor:
    import pyarrow as pa

    checked, *layout = json.loads(header)
    if checked != _sum(layout, content):
        raise ValueError("damaged")
    dtype, shape, stride = layout
    features = torch.empty_strided(shape, stride, dtype=getattr(torch, dtype))
    values = torch.as_strided(features, (features.numel(),), (1,)).view(torch.uint8).numpy()
    values[:] = np.frombuffer(pa.Codec("zstd").decompress(content, len(values)), np.uint8)
    return features


def _sum(layout: list[Any], content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(json.dumps(layout).encode()))
