"""How far a run is, read from its folder alone: done.json, failed.json, journals and leases of its cells."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import InputError
from benchmark.leases import DEAD_AFTER, Holder, holder
from benchmark.results import DONE, SPEC, STUDY, read_json
from benchmark.runs.request import covers
from benchmark.spec import BenchmarkSpec, Cell
from studies.costs import Costs, makespan
from studies.journal import finished_count, finished_seconds
from studies.open_cells import failure, lease_folder
from studies.progress import duration_text

State = Literal["done", "running", "failed", "missing"]
STATES: tuple[State, ...] = ("done", "running", "failed", "missing")
MOST_LISTED = 20  # cells of one state, where not all are asked for
LONGEST_REASON = 160  # characters


@dataclass(frozen=True, slots=True)
class CellStatus:
    """One cell.

    Attributes:
        state: "missing" is neither done nor failed, and nobody works on it.
        trials: finished ones.
        holder: who runs it.
        reason: why it failed.
    """

    state: State
    trials: int
    holder: Holder | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A run.

    Attributes:
        run: its folder.
        budget: trials of every cell.
        cells: the grid, in its order.
        seconds_left: expected wall time with as many cells at once as run now; None where no trial says how long one
            takes, or where nobody works.
    """

    run: Path
    budget: int
    cells: Mapping[Cell, CellStatus]
    seconds_left: float | None

    def count(self, state: State) -> int:
        """Cells in a state."""
        return sum(cell.state == state for cell in self.cells.values())

    @property
    def complete(self) -> bool:
        """Whether every cell is done."""
        return self.count("done") == len(self.cells)


def read_status(run: Path) -> Status:
    """Read how far a run is.

    Args:
        run: its folder.

    Raises:
        InputError: it is no run's folder.
    """
    path = run / SPEC
    try:
        spec = BenchmarkSpec.from_dict(read_json(path)["spec"])
    except (OSError, KeyError, TypeError) as error:
        raise InputError(f"{run} is no run's folder: {path} is missing, or does not describe a run.") from error
    seconds: dict[Cell, list[float]] = {}
    cells = {cell: _read_cell(cell, run, spec, seconds) for cell in spec.cells()}
    costs = Costs({cell: spec.budget - of.trials for cell, of in cells.items() if of.state in ("running", "missing")})
    for cell, values in seconds.items():
        costs.learn(cell, values)
    running = [cell for cell, of in cells.items() if of.state == "running"]
    for cell in running if not seconds else ():  # no cell is done: the journals of those that run say what they take
        costs.learn(cell, finished_seconds(cell.folder(run) / STUDY))
    known = any(costs.trial_seconds(cell) is not None for cell in costs.left)
    return Status(run, spec.budget, cells, makespan(costs.seconds_left(), len(running)) if known and running else None)


def _read_cell(cell: Cell, run: Path, spec: BenchmarkSpec, seconds: dict[Cell, list[float]]) -> CellStatus:
    """One cell; the mean seconds of a finished one's trials are put into `seconds`."""
    folder, budget = cell.folder(run), spec.budget
    with suppress(OSError, InputError, KeyError, TypeError, AttributeError):
        done = read_json(folder / DONE)
        if covers(done, cell, spec):
            with suppress(KeyError, TypeError):
                seconds[cell] = [float(done["metrics"]["seconds"]) / budget]
            return CellStatus("done", budget)
    trials = finished_count(folder / STUDY)
    current = holder(lease_folder(run, cell))
    if current is not None and not current.is_free():
        return CellStatus("running", trials, current)
    reason = failure(run, cell)
    return CellStatus("missing", trials) if reason is None else CellStatus("failed", trials, reason=reason)


def status_text(status: Status, everything: bool = False) -> str:
    """The status for a terminal.

    Args:
        status: of a run.
        everything: name every cell, done and missing ones too, and not the first `MOST_LISTED` of a state alone.
    """
    trials = sum(of.trials for of in status.cells.values())
    counts = ", ".join(f"{status.count(state)} {state}" for state in STATES)
    lines = [
        f"{status.run}: {len(status.cells)} cells: {counts}",
        f"{trials:,} of {len(status.cells) * status.budget:,} trials; {_left_text(status)}",
    ]
    for state in STATES:
        members = [(cell, of) for cell, of in status.cells.items() if of.state == state]
        if not everything:  # done ones need no names, and missing ones only where they were begun
            members = [(cell, of) for cell, of in members if state != "done" and (state != "missing" or of.trials)]
        shown = members if everything else members[:MOST_LISTED]
        if shown:
            title = "missing, begun" if state == "missing" and not everything else state
            rows = [(cell.key, f"{of.trials} of {status.budget} trials", _remark(of)) for cell, of in shown]
            lines += ["", title, *_rows(rows)]
        if len(shown) < len(members):
            lines.append(f"  ... and {len(members) - len(shown)} more: --all")
    return "\n".join(lines) + "\n"


def _left_text(status: Status) -> str:
    if status.complete:
        return "all done"
    if not status.count("running"):
        return "nobody works on it: the command that began the run continues it"
    workers = status.count("running")
    if status.seconds_left is None:
        return f"time left not known yet, with {workers} at work"
    return f"about {duration_text(status.seconds_left)} left with {workers} at work, without the report"


def _remark(of: CellStatus) -> str:
    if of.holder is not None:
        now = time.time()
        silent = now - of.holder.beat
        begun = f"for {duration_text(max(0.0, now - of.holder.since))}, " if of.holder.since else ""
        remark = f"{begun}{of.holder}"
        return remark + (f", silent for {duration_text(silent)}: perhaps dead" if silent > DEAD_AFTER else "")
    reason = of.reason.strip().splitlines()
    return reason[-1][:LONGEST_REASON] if reason else ""


def _rows(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
