"""Who works on what, across processes and machines: leases with heartbeats, kept as files in a shared folder.

A lease is a folder of numbered files, and the file of the highest number names the holder. Taking it is the creation of
the next number by a hard link, which a file server grants to one of many and which needs no lock of the file system:
NFS promises it where `flock` may do nothing. The highest file is never removed (a lease that is given back says so in
its file), so a slow process cannot take a number that was used before. The holder replaces its file every few seconds.
Who finds the file unchanged for long enough, by its own clock alone, or finds the holder's process gone from its own
machine, takes the next number. A holder that was only asleep sees that and stops: `Lease.check`.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmark.errors import InputError

HEARTBEAT = 10.0  # seconds between two signs of life
DEAD_AFTER = 90.0  # seconds without one: nine missed, and more than NFS keeps what it knows of a file (60)
_TURN = 0.2  # seconds between two tries to take a lease that is waited for

_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class Holder:
    """What a lease's file says.

    Attributes:
        host: the holder's machine.
        pid: its process.
        place: the machine's boot and the name space of its processes: where they are equal, `pid` can be looked up.
        born: the start of that process in the kernel's ticks, as numbers of processes come again.
        since: when the lease was taken, seconds since 1970 by the holder's clock.
        released: whether it was given back.
        number: of the file; not stored.
        stamp: differs after every heartbeat; not stored.
        beat: time of the last heartbeat, seconds since 1970 by the file server's clock; not stored.
    """

    host: str = "?"
    pid: int = 0
    place: str = ""
    born: str = ""
    since: float = 0.0
    released: bool = False
    number: int = 0
    stamp: str = ""
    beat: float = 0.0

    def is_gone(self) -> bool:
        """Whether the process was one of this machine's and has ended; False for what cannot be looked up."""
        if not self.place or self.place != _place():
            return False
        born = _born(self.pid)
        return born is None or (born != "" and born != self.born)

    def is_free(self) -> bool:
        """Whether nobody holds the lease: it was given back, or its holder is gone."""
        return self.released or self.is_gone()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "an unknown process"


class Held(Exception):
    """Somebody else holds the lease."""


class LeaseLost(Exception):
    """The lease was taken by somebody else, to whom its holder had seemed dead."""


class Lease:
    """A lease that this process holds. A thread keeps it alive; leaving the context gives it back."""

    def __init__(self, folder: Path, number: int, record: Holder, heartbeat: float, passed_over: bool) -> None:
        """Use `acquire`."""
        self._passed_over = passed_over
        self._folder, self._number, self._record, self._heartbeat = folder, number, record, heartbeat
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"lease of {folder.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def check(self) -> None:
        """Give a sign of life, and make sure that the lease is still ours.

        The file is replaced before the folder is listed: a client of NFS forgets what it knew of a folder that it
        changes.

        Raises:
            LeaseLost: somebody else has taken it.
        """
        try:
            with self._lock:
                self._write(self._record)
        except FileNotFoundError:
            raise LeaseLost(f"{self._folder} was removed") from None
        numbers = _numbers(self._folder)
        if not numbers or numbers[-1] != self._number:
            raise LeaseLost(f"{self._folder} was taken by {holder(self._folder)}")

    def fence(self, path: Path) -> None:
        """Replace a file by a copy of itself, where a holder was passed over that may only be asleep.

        It has the old file open: what it still writes goes nowhere. Of everything under a lease this alone is not safe
        against a sleep of its own, as long as a lease's death, that begins between its check and its rename.

        Raises:
            LeaseLost: as `check`.
        """
        if self._passed_over and path.is_file():
            temporary = _temporary(path)
            try:
                shutil.copyfile(path, temporary)
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                self.check()
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def release(self) -> None:
        """Give it back. Twice changes nothing."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            with suppress(OSError):
                self._write(replace(self._record, released=True))

    def _live(self) -> None:
        while not self._ended.wait(self._heartbeat):
            try:
                self.check()
            except LeaseLost:
                return  # who works under the lease is told by its own check
            except OSError:
                continue  # the server may come back

    def _write(self, record: Holder) -> None:
        path = self._folder / str(self._number)
        temporary = _temporary(path)
        try:
            temporary.write_text(_text(record))
            with suppress(FileNotFoundError):  # a server's answer was lost, and the request came twice
                temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            os.utime(path)  # a full disk still takes a time


def acquire(folder: Path, dead: str | None = None, heartbeat: float | None = None) -> Lease:
    """Take the lease that is kept in a folder, without waiting.

    Args:
        folder: of the lease, made if need be.
        dead: the stamp of a holder that has given no sign of life for too long (`Watch`).
        heartbeat: seconds between signs of life; `HEARTBEAT` where None.

    Raises:
        Held: somebody else has it.
        InputError: the folder cannot be written.
        OSError: the disk is full.
    """
    try:
        return _acquire(folder, dead, HEARTBEAT if heartbeat is None else heartbeat)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"cannot keep a lease in {folder} ({error.strerror}): it must be a folder that can be written to. Move "
            "away what is in its place, if that is a file."
        ) from error


def _acquire(folder: Path, dead: str | None, heartbeat: float) -> Lease:
    folder.mkdir(parents=True, exist_ok=True)
    current = holder(folder)
    if current is not None and not current.is_free() and (dead is None or current.stamp != dead):
        raise Held(f"held by {current}")
    number = 0 if current is None else current.number + 1
    record = Holder(socket.gethostname(), os.getpid(), _place(), _born(os.getpid()) or "", time.time())
    created = _create(folder / str(number), record)
    numbers = _numbers(folder)
    if not created or numbers[-1] != number:  # others were quicker: by one number, or by several
        if created:
            (folder / str(number)).unlink(missing_ok=True)
        raise Held(f"held by {holder(folder)}")
    for lower in numbers[:-1]:
        (folder / str(lower)).unlink(missing_ok=True)
    passed_over = current is not None and not current.is_free()
    return Lease(folder, number, record, heartbeat, passed_over)


def turn(folder: Path) -> Lease:
    """Take a lease for something short, and wait for whoever has it."""
    watch = Watch()
    while True:
        with suppress(Held):
            current = holder(folder)
            return acquire(folder, current.stamp if current is not None and watch.is_dead(folder, current) else None)
        time.sleep(_TURN)


def holder(folder: Path) -> Holder | None:
    """Who holds the lease in a folder, or held it last; None where nobody ever did."""
    while numbers := _numbers(folder):
        path = folder / str(numbers[-1])
        try:
            with path.open() as file:  # opened, and then asked: a client of NFS asks its server when it opens
                text = file.read()
                status = os.fstat(file.fileno())
        except FileNotFoundError:
            continue  # a newer one has come
        known: dict[str, Any] = {
            "number": numbers[-1],
            "stamp": f"{numbers[-1]}.{status.st_mtime_ns}",
            "beat": status.st_mtime,
        }
        try:
            return replace(_parsed(text), **known)
        except (ValueError, TypeError, KeyError):
            return Holder(**known)  # lost with the power: of nobody known, whose heartbeat has stopped
    return None


class Watch:
    """Tells the dead from the living by whether their heartbeats change, as seen from here: no clocks are compared."""

    def __init__(self, dead_after: float = DEAD_AFTER) -> None:
        """A holder whose stamp stays the same for so many seconds is dead."""
        self._dead_after = dead_after
        self._seen: dict[Path, tuple[str, float]] = {}

    def is_dead(self, folder: Path, current: Holder) -> bool:
        """Whether the holder of the lease in a folder has been silent for too long; asked again and again."""
        now = time.monotonic()
        stamp, first = self._seen.get(folder, ("", now))
        if stamp != current.stamp:
            self._seen[folder] = (current.stamp, now)
            return False
        return now - first > self._dead_after


def _numbers(folder: Path) -> list[int]:
    """The numbers of a lease's files, rising."""
    try:
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _create(path: Path, record: Holder) -> bool:
    """Create a lease's file with its content, unless it is there; exactly one of many that try succeeds."""
    temporary = _temporary(path)
    temporary.write_text(_text(record))
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        return temporary.stat().st_nlink == 2  # a server's answer was lost, and the request came twice
    except OSError:  # a file system without hard links
        try:
            with path.open("x") as file:
                file.write(_text(record))
            return True
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)


def _text(record: Holder) -> str:
    stored = ("host", "pid", "place", "born", "since", "released")
    return json.dumps({name: value for name, value in asdict(record).items() if name in stored})


def _parsed(text: str) -> Holder:
    stored = json.loads(text)
    return Holder(
        host=str(stored["host"]),
        pid=int(stored["pid"]),
        place=str(stored["place"]),
        born=str(stored["born"]),
        since=float(stored["since"]),
        released=stored["released"] is True,
    )


def _temporary(path: Path) -> Path:
    """Of a form that `results.clear_temporary` removes once this process has ended."""
    return path.with_name(f".{path.name}-{next(_counter)}.{socket.gethostname()}.{os.getpid()}.tmp")


@cache
def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """When a process of this machine started; None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    return None if fields[0] in "ZX" else fields[19]
