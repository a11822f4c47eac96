"""A study's journal: one line of JSON an operation, in Optuna's format, written at the end of every trial.

Optuna's own file syncs after every parameter of every trial and reads back what it has just written. What must
survive is a *finished* trial: everything else is asked again, the same, when the study is continued. So the lines of a
trial are written together when its result comes, before anyone is told of it: from then on a kill cannot take it.
They are synced while the next trial runs: a power failure costs at most the last trial, which is asked again.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CREATE_STUDY, SET_USER_ATTRIBUTE, SET_STATE = 0, 8, 6  # Optuna's codes of operations
COMPLETE = 1  # Optuna's code of a state
OUTCOME = "outcome"  # the user attribute that holds what a trial gave

Log = dict[str, Any]


class JournalFile:
    """What `optuna.storages.JournalStorage` asks of a file, for the one process that holds the study's lease."""

    def __init__(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        """Read the journal, or begin an empty one. A line that a killed process left torn is dropped.

        Args:
            path: the file.
            check: called once the file is open and before it is touched; raises where the lease was lost. Whoever takes
                the lease later begins another file (`benchmark.leases.Lease.fence`), and ours is then nobody's.

        Raises:
            ValueError: a line is not JSON.
        """
        self._file = path.open("ab+")
        try:
            check()
            self._file.seek(0)
            content = self._file.read()
            end = content.rfind(b"\n") + 1
            self._logs = _parse(content[:end])
        except BaseException:
            self._file.close()
            raise
        self._file.truncate(end)
        self._unwritten: list[Log] = []
        self._syncing: threading.Thread | None = None

    def read_logs(self, log_number_from: int) -> Sequence[Log]:
        """The operations from this number on, those that are not yet written included."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: Sequence[Log]) -> None:
        """Take operations in; the end of a trial is written before this returns."""
        self._logs += logs
        self._unwritten += logs
        if any(log["op_code"] in (CREATE_STUDY, SET_STATE) for log in logs):
            self._write()

    def close(self) -> None:
        """Wait until what was written is on the disk. What belongs to an unfinished trial is dropped."""
        if self._syncing is not None:
            self._syncing.join()
        self._file.close()

    def _write(self) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in self._unwritten)
        self._file.write(lines.encode())
        self._file.flush()
        self._unwritten.clear()
        if self._syncing is not None:
            self._syncing.join()
        self._syncing = threading.Thread(target=os.fsync, args=(self._file.fileno(),), name="journal sync")
        self._syncing.start()


def finished_seconds(path: Path) -> list[float]:
    """What each finished trial of a journal took, in seconds; empty where there is no journal, or none that reads."""
    try:
        logs = read_lines(path)
        ended = {log["trial_id"] for log in logs if log["op_code"] == SET_STATE and log["state"] == COMPLETE}
        outcomes = [
            log["user_attr"][OUTCOME]
            for log in logs
            if log["op_code"] == SET_USER_ATTRIBUTE and log["trial_id"] in ended
        ]
        return [float(outcome["seconds"]) for outcome in outcomes]
    except (ValueError, KeyError, TypeError, OSError):
        return []  # who opens the study says what is wrong with it


def finished_count(path: Path) -> int:
    """The number of finished trials in a journal, without parsing it: a line in our own form ends each of them."""
    try:
        content = path.read_bytes()
    except OSError:
        return 0
    ends = re.finditer(rb'^\{"op_code":%d,[^\n]*\n' % SET_STATE, content, re.MULTILINE)
    return sum(b'"state":%d,' % COMPLETE in line[0] for line in ends)


def read_lines(path: Path) -> list[Log]:
    """The journal's operations; a torn last line is left out.

    Raises:
        ValueError: a line is not JSON.
    """
    if not path.exists():
        return []
    return _parse(path.read_bytes())


def _parse(content: bytes) -> list[Log]:
    """The operations in what stands before and after line ends; a torn last line is left out."""
    *lines, _ = content.split(b"\n")
    return [json.loads(line) for line in lines]
