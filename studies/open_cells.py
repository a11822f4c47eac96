"""The cells that a driver has open: which wait, which others work on, which have failed; and when to look again.

Several drivers may share a run's folder. Each tries the cells that it takes to be free; the lease decides. What others
hold is looked at again and again until it is finished, has failed, or is free.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.disk import DiskFull
from benchmark.errors import InputError
from benchmark.leases import DEAD_AFTER, Watch, holder
from benchmark.results import DONE, FAILED, LEASES, STUDY, external_files, read_json, write_json
from benchmark.spec import Cell
from studies.costs import Costs
from studies.journal import finished_count

if TYPE_CHECKING:
    from studies.trainer import CellJob

LOSSES = 3  # times in a row that the machine may kill a cell's trial before the cell is given up
LOOK_EVERY = 1.0  # seconds between two looks at the cells that others hold


@dataclass(frozen=True, slots=True)
class Message:
    """What became of a cell.

    Its kind is "trial" (content: rows of the trials, costs, curves tables), "done" (metrics) or "failed" (why). What
    another driver did is told as it is seen in the folder: "done" or "failed", without trials.
    """

    kind: str
    cell: Cell
    content: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt at a cell ended.

    Its kind is "done" (content: metrics), "failed" (why), "lost" (how the machine killed it), "held" (by whom) or
    "full" (which disk).
    """

    kind: str
    content: Any


class OpenCells:
    """Keeps the open cells of one driver."""

    def __init__(self, jobs: Sequence[CellJob], costs: Costs, dead_after: float = DEAD_AFTER) -> None:
        """Begin with all waiting, and earlier failures forgotten; `costs` is told of trials and of cells that end."""
        for job in jobs:
            with suppress(OSError):
                (job.cell.folder(job.run) / FAILED).unlink(missing_ok=True)
        self._failed: dict[Cell, str] = {}
        self._costs = costs
        self._jobs = {job.cell: job for job in jobs}
        self._waiting = dict.fromkeys(self._jobs)
        self._elsewhere: dict[Cell, None] = {}
        self._dead: dict[Cell, str] = {}  # the stamp of a holder that may be passed over
        self._losses: dict[Cell, tuple[int, int]] = {}  # (finished trials, losses at so many)
        self._watch = Watch(dead_after)
        self._looked = time.monotonic()
        self._idle = False

    @property
    def waiting(self) -> bool:
        """Whether a cell can be begun."""
        return bool(self._waiting)

    @property
    def elsewhere(self) -> bool:
        """Whether others hold a cell: it is worth looking again."""
        return bool(self._elsewhere)

    def take(self, running: Iterable[Cell]) -> tuple[CellJob, str | None]:
        """The next cell to attempt, and the stamp of its dead holder, if it has one; it waits no longer."""
        cell = self._costs.next_cell(list(self._waiting), running)
        del self._waiting[cell]
        return self._jobs[cell], self._dead.pop(cell, None)

    def take_all(self) -> list[tuple[CellJob, str | None]]:
        """All that wait, in the order in which they were given."""
        taken = [(self._jobs[cell], self._dead.pop(cell, None)) for cell in self._waiting]
        self._waiting.clear()
        return taken

    def trial(self, cell: Cell, seconds: float) -> None:
        """A trial of a cell that this driver runs was finished."""
        self._costs.trial(cell, seconds)

    def ended(self, cell: Cell, how: Ended) -> Message | None:
        """An attempt ended; None where the cell stays open.

        Raises:
            DiskFull: every other cell would end the same.
        """
        if how.kind == "full":
            raise DiskFull(how.content)
        if how.kind == "held":
            self._elsewhere[cell] = None
            return None
        if how.kind == "lost":
            trials = finished_count(cell.folder(self._jobs[cell].run) / STUDY)
            before, losses = self._losses.get(cell, (0, 0))
            losses = losses + 1 if trials == before else 1  # those in a row, without a trial between them
            self._losses[cell] = (trials, losses)
            if losses < LOSSES:
                self._waiting[cell] = None
                return None
            how = Ended("failed", f"{how.content}, {LOSSES} times in a row")
            note_failure(self._jobs[cell].run, cell, how.content)
        if how.kind == "failed":
            self._failed[cell] = how.content
        self._costs.ended(cell)
        return Message(how.kind, cell, how.content)

    def look(self, idle: bool = False) -> list[Message]:
        """Look at the cells that others hold, where that is due, and tell of those that have ended.

        Args:
            idle: whether this driver has nothing else to do, which is said once.
        """
        messages: list[Message] = []
        if not self._elsewhere or time.monotonic() - self._looked < LOOK_EVERY:
            return messages
        self._looked = time.monotonic()
        if idle and not self._waiting and not self._idle:
            self._idle = True
            sys.stderr.write(f"waiting for {len(self._elsewhere)} cells that others work on (benchmark.status)\n")
        for cell in list(self._elsewhere):
            message = self._look_at(cell)
            if message is not None or cell in self._waiting:
                del self._elsewhere[cell]
            messages += [message] if message is not None else []
        return messages

    def still_failed(self) -> dict[Cell, str]:
        """The cells that failed and that nobody has finished since, with the reason."""
        return {cell: reason for cell, reason in self._failed.items() if finished(self._jobs[cell]) is None}

    def _look_at(self, cell: Cell) -> Message | None:
        job = self._jobs[cell]
        folder = lease_folder(job.run, cell)
        current = holder(folder)
        metrics = finished(job)
        if metrics is not None:
            return self.ended(cell, Ended("done", metrics))
        if current is None or current.released:
            reason = failure(job.run, cell)
            if reason is not None:
                return self.ended(cell, Ended("failed", reason))
            self._waiting[cell] = None
        elif current.is_gone() or self._watch.is_dead(folder, current):
            self._dead[cell] = current.stamp
            return self.ended(cell, Ended("lost", f"{current}, which worked on it, has died"))
        return None


def lease_folder(run: Path, cell: Cell) -> Path:
    """Where a cell's lease is kept."""
    return run / LEASES / cell.key


def finished(job: CellJob) -> dict[str, float] | None:
    """The metrics of a cell that is finished for its budget and its test sets from elsewhere; None where it is not."""
    with suppress(OSError, InputError, KeyError, TypeError, ValueError):
        done = read_json(job.cell.folder(job.run) / DONE)
        if done["budget"] == job.spec.budget and {of.file for of in job.block.external} <= set(external_files(done)):
            return {str(name): float(value) for name, value in done["metrics"].items()}
    return None


def note_failure(run: Path, cell: Cell, reason: str) -> None:
    """Leave in a cell's folder why it failed, where that can be written; the next attempt removes it."""
    with suppress(OSError):
        write_json(cell.folder(run) / FAILED, {"reason": reason})


def failure(run: Path, cell: Cell) -> str | None:
    """Why a cell failed; None where it did not."""
    with suppress(OSError, InputError, KeyError, TypeError):
        return str(read_json(cell.folder(run) / FAILED)["reason"])
    return None
