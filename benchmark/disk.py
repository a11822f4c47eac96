"""Room on disks: allocated before long work, and said in one message where it ends."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from benchmark.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
UNITS = ("bytes", "kB", "MB", "GB", "TB")


class DiskFull(InputError):
    """A disk has no room left. The message says which, how much was needed, and how to go on."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def disk_full(place: Path, needed: int | None = None) -> DiskFull:
    """The error for a file or folder, there or not yet, on a disk that has no room for it.

    Args:
        place: what was written.
        needed: its bytes, where they are known.
    """
    wanted = "" if needed is None else f"{size_text(needed)} needed, "
    return DiskFull(
        f"the disk of {place} is full: {wanted}{size_text(free_bytes(place))} free (or a quota is used up). What was "
        "finished is kept. Make room, or link mlruns to a larger disk, and give the same command again."
    )


def allocate(path: Path, size: int) -> None:
    """Give a file that is there its final size in bytes, on the disk itself.

    A file that is sparse instead, and written through a memory map, ends the process with SIGBUS on a full disk.

    Raises:
        DiskFull: there is no room; nothing was allocated.
    """
    if free_bytes(path) + path.stat().st_blocks * 512 < size:
        raise disk_full(path, size)
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    with path.open("rb+") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in FULL:
                raise disk_full(path, size) from error
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot
                raise


def free_bytes(place: Path) -> int:
    """Bytes that may still be written where a file or folder lies, or would lie."""
    existing = next(parent for parent in (place, *place.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free


def size_text(size: float) -> str:
    """``1.2 GB``: bytes for people, in powers of 1,000."""
    unit = 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit and size < 99.95 else f"{size:.0f} {UNITS[unit]}"
