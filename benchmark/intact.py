"""Whether files are still what was written: their sizes and hashes, and what is damaged renamed out of the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

BUFFER = 2**20


def sums_of(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file as it is now."""
    return {"bytes": path.stat().st_size, "sha256": _sha256(path, None)}


def sums_in(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Name -> size and SHA-256 of files of one folder."""
    return {name: sums_of(folder / name) for name in names}


def fault(path: Path, expected: object, grown: bool = False) -> str | None:
    """What is wrong with a file, in words; None where it is what was written.

    The size is looked at first: what is cut off or empty is seen without reading it.

    Args:
        path: the file.
        expected: what `sums_of` gave; None where nothing is on record: the file must then be there, and not empty.
        grown: whether the file may have been appended to since.

    Raises:
        OSError: it is there and cannot be read.
    """
    if not path.is_file():
        return "is a folder" if path.is_dir() else "is missing"
    size = path.stat().st_size
    if expected is None:
        return None if size else "is empty"
    if not isinstance(expected, Mapping) or not isinstance(wanted := expected.get("bytes"), int):
        return "has no sums that can be read"
    if size < wanted or (size > wanted and not grown):
        return f"has {size:,} bytes instead of {wanted:,}" if size else "is empty"
    return None if _sha256(path, wanted) == expected.get("sha256") else "has another content than was written"


def set_aside(path: Path) -> Path | None:
    """Rename a damaged file, or a folder in its place, to ``NAME.damaged`` beside it; nothing is deleted.

    Returns:
        Where it lies now; None where there was nothing.
    """
    names = (f"{path.name}.damaged{number or ''}" for number in count())
    target = next(new for name in names if not (new := path.with_name(name)).exists())
    with suppress(FileNotFoundError):
        return path.rename(target)
    return None


def _sha256(path: Path, length: int | None) -> str:
    """Of the first `length` bytes, or of all."""
    with path.open("rb") as file:
        if length is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while length and (part := file.read(min(length, BUFFER))):
            digest.update(part)
            length -= len(part)
        return digest.hexdigest()
