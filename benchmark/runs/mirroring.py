"""Which of a run's drivers writes MLflow: one at a time, from what the run's folder holds.

The driver that has the mirror's lease sends what happens to MLflow. Cells that others finished, or that a driver left
behind when it died, are sent from their folders; which ones MLflow has is kept in the run's folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from benchmark import metrics
from benchmark.errors import InputError
from benchmark.leases import Held, Lease, LeaseLost, acquire
from benchmark.results import DONE, LEASES, MIRRORED, REPORT, read_json, write_json
from benchmark.runs.request import Request, is_done
from benchmark.spec import Cell
from benchmark.tracking.mirror import Mirror
from studies.open_cells import Message

LAYOUT = 2  # of what MLflow is sent: where it has another, everything is sent again


class Mirroring:
    """MLflow's mirror of a run, for as long as this driver is the one that writes it. Use it as a context manager."""

    def __init__(self, request: Request, facts: Callable[[Cell], Mapping[str, Any]]) -> None:
        """`facts` gives what is shown with a study."""
        self._request, self._facts = request, facts
        self._folder = request.out / LEASES / "mirror"
        self._mirror = Mirror(request.root, request.out, metrics.find(request.spec.tune_metric))
        self._lease: Lease | None = None
        self._lost = False
        self._started: set[Cell] = set()
        self._finished: set[Cell] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._left():
            self._is_ours()
        self._mirror.__exit__(kind, error, trace)
        if self._lease is None:
            return
        if error is None and not self._mirror.failure:
            _keep(self._request, {cell.key: self._request.spec.budget for cell in self._finished})
        self._lease.release()

    def receive(self, message: Message) -> None:
        """Send what became of a cell, if this driver writes."""
        if not self._is_ours():
            return
        cell = message.cell
        if message.kind == "done":
            self._finish(cell, message.content)
        elif message.kind == "trial":
            self._start(cell)
            self._mirror.trial_finished(cell, *message.content)

    def _is_ours(self) -> bool:
        """Whether this driver writes; where nobody does any more, it begins with what is left."""
        if self._lost:
            return False
        if self._lease is None:
            with suppress(Held):
                self._lease = acquire(self._folder)
                for cell in self._left():
                    with suppress(InputError, OSError, KeyError):
                        self._finish(cell, read_json(cell.folder(self._request.out) / DONE)["metrics"])
            return self._lease is not None
        try:
            self._lease.check()
        except LeaseLost:
            self._lease, self._lost = None, True
        return not self._lost

    def _left(self) -> list[Cell]:
        """The finished cells that MLflow lacks."""
        mirrored = _mirrored(self._request)
        return [
            cell
            for cell in self._request.spec.cells()
            if cell not in self._finished
            and mirrored.get(cell.key) != self._request.spec.budget
            and is_done(cell, self._request)
        ]

    def _start(self, cell: Cell) -> None:
        if cell not in self._started:
            self._started.add(cell)
            self._mirror.study_started(cell, self._facts(cell))

    def _finish(self, cell: Cell, scores: Mapping[str, float]) -> None:
        if cell in self._finished:
            return
        self._start(cell)
        self._finished.add(cell)
        self._mirror.study_finished(cell, scores, cell.folder(self._request.out))


def unmirrored(request: Request) -> bool:
    """Whether MLflow lacks a cell, of a run whose cells are all finished."""
    mirrored = _mirrored(request)
    return any(mirrored.get(cell.key) != request.spec.budget for cell in request.spec.cells())


def send_report(request: Request) -> None:
    """Give MLflow's arms what the run's report says, unless they have it, or another driver writes MLflow.

    That driver does so itself when it ends, and what is missed the next start of the run sends.
    """
    index = request.out / REPORT / "index.html"
    with suppress(Held, InputError, OSError):
        stamp = hashlib.sha256(index.read_bytes()).hexdigest()
        if _mirrored(request).get(REPORT) == stamp:
            return
        lease = acquire(request.out / LEASES / "mirror")
        try:
            with Mirror(request.root, request.out, metrics.find(request.spec.tune_metric)) as mirror:
                mirror.report_written(index.parent)
            if not mirror.failure:
                _keep(request, {REPORT: stamp})
        finally:
            lease.release()


def _keep(request: Request, sent: Mapping[str, Any]) -> None:
    """Note what MLflow has been sent."""
    kept = {**_mirrored(request), **sent, "layout": LAYOUT}
    write_json(request.out / MIRRORED, dict(sorted(kept.items())))


def _mirrored(request: Request) -> dict[str, Any]:
    """Key of a cell -> the budget with which MLflow has it, and of the report its page's SHA-256."""
    with suppress(OSError, InputError, AttributeError):
        kept = dict(read_json(request.out / MIRRORED).items())
        return kept if kept.get("layout") == LAYOUT else {}
    return {}
