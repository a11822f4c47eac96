"""What is kept beside a decoded array: the images that could not be read, and sums that show later damage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.errors import InputError
from benchmark.intact import fault, sums_of
from benchmark.results import read_json, write_json

BLOCK = 2**23  # bytes that have a sum of their own: they are computed at once, each in a thread


def hashes_path(array: Path) -> Path:
    """Where the hashes of an array's images lie."""
    return array.with_suffix(".hashes.npy")


def record_path(array: Path) -> Path:
    """Where the record of an array lies."""
    return array.with_suffix(".json")


def is_there(array: Path) -> bool:
    """Whether an array, its hashes and its record exist, whatever they hold."""
    return all(path.exists() for path in (array, hashes_path(array), record_path(array)))


def write_record(array: Path, unreadable: Mapping[str, str], threads: int) -> None:
    """Write an array's record, the last of the three files.

    Args:
        array: the file.
        unreadable: image -> why it is not in the array.
        threads: that compute the sums.
    """
    sums = {"block": BLOCK, "bytes": array.stat().st_size, "sums": block_sums(array, threads)}
    record = {"unreadable": dict(unreadable), "array": sums, "hashes": sums_of(hashes_path(array))}
    write_json(record_path(array), record)


def read_unreadable(array: Path) -> dict[str, str]:
    """Image -> why it is not in an array whose files have no fault."""
    return dict(read_json(record_path(array))["unreadable"])


def damage(array: Path, threads: int) -> str | None:
    """What is wrong with the files of a cached array, in words; None where they are what was written."""
    try:
        record = read_json(record_path(array))
    except InputError:
        return "its record cannot be read"
    described = record.get("array") if isinstance(record, dict) else None
    if not isinstance(described, dict) or not isinstance(record.get("unreadable"), dict):
        return "its record has no sums"
    wrong = fault(hashes_path(array), record.get("hashes", {}))
    if wrong is not None:
        return f"{hashes_path(array).name} {wrong}"
    if not array.is_file():
        return "it is no file"
    size = array.stat().st_size
    if described.get("block") != BLOCK or size != described.get("bytes"):
        return f"it has {size:,} bytes instead of {described.get('bytes')}"
    now, before = block_sums(array, threads), described.get("sums")
    if now == before:
        return None
    changed = sum(one != other for one, other in zip(now, before, strict=False)) if isinstance(before, list) else 0
    return f"{changed} of its {len(now)} blocks are not what was written"


def block_sums(path: Path, threads: int) -> list[str]:
    """Hex digests of a file's blocks, of `BLOCK` bytes each."""

    def digest(start: int) -> str:
        with path.open("rb") as file:
            file.seek(start)
            return hashlib.blake2b(file.read(BLOCK), digest_size=16).hexdigest()

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(digest, range(0, path.stat().st_size, BLOCK)))
