"""What files hold: a hash of each, computed again only where size, times or inode say that it may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from benchmark.errors import InputError
from benchmark.results import write_text

THREADS = 8  # small files wait for the disk, or the network, more than for a core
SETTLED = 2 * 10**9  # nanoseconds: one that was changed so lately may change again within the same tick of its clock

State = tuple[int, int, int, int]  # size, time of the content's and of the inode's last change, inode


def digests(paths: Sequence[Path], memory: Path | None = None) -> list[str]:
    """A hash of every file's content, 32 hex digits each.

    Args:
        paths: files of one data set.
        memory: folder where hashes are remembered, with the state that each file had; None, or one that is not there,
            remembers nothing. A file is hashed again where its size, modification time, change time or inode is
            another. A program can set the modification time, but not the change time.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    if not paths:
        return []
    ledger = None if memory is None or not memory.is_dir() else memory / f"{_name(paths)}.hashes"
    known = {} if ledger is None else _read(ledger)
    now = time.time_ns()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda path: _digest(path, known.get(str(path))), paths, chunksize=64))
    current = {str(path): entry for path, entry in zip(paths, found, strict=True) if now - max(entry[0][1:3]) > SETTLED}
    if ledger is not None and any(known.get(path) != entry for path, entry in current.items()):
        with suppress(OSError):  # a memory that cannot be written costs time, and nothing else
            _write(ledger, known | current)
    return [digest for _, digest in found]


def _digest(path: Path, known: tuple[State, str] | None) -> tuple[State, str]:
    try:
        stat = os.stat(path)  # noqa: PTH116 - of 200,000 files
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        if known is not None and known[0] == state:
            return known
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return state, hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} is missing or cannot be opened ({error.strerror}). Unpack the whole data set again."
        ) from error


def _name(paths: Sequence[Path]) -> str:
    """Of a data set's ledger: by the folder that holds all of its files."""
    parents = {str(path.parent.absolute()) for path in paths}
    return f"files-{hashlib.sha256(os.path.commonpath(parents).encode()).hexdigest()[:16]}"


def _read(ledger: Path) -> dict[str, tuple[State, str]]:
    """File -> its state and hash, as remembered; nothing where the ledger is not what was written."""
    try:
        head, _, body = ledger.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
    except (OSError, UnicodeDecodeError):
        return {}
    if head != _sum(body):
        return {}
    entries = {}
    for line in body.splitlines():
        size, modified, changed, inode, digest, path = line.split("\t", 5)
        entries[path] = (int(size), int(modified), int(changed), int(inode)), digest
    return entries


def _write(ledger: Path, entries: dict[str, tuple[State, str]]) -> None:
    lines = [
        "\t".join([*map(str, state), digest, path])
        for path, (state, digest) in sorted(entries.items())
        if path.isprintable()  # a name with a line break is hashed every time
    ]
    body = "\n".join(lines)
    write_text(ledger, f"{_sum(body)}\n{body}")


def _sum(body: str) -> str:
    return hashlib.sha256(body.encode(errors="surrogateescape")).hexdigest()
