"""Many cells on one machine: worker processes that may die, and a driver that receives every finished trial.

Cells are independent and each computes on a fixed number of threads, so neither the number of workers nor the
order in which cells finish changes a result.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from benchmark.spec import Cell

if TYPE_CHECKING:
    from studies.trainer import CellJob

LOSSES = 3  # times in a row that the machine may kill a cell's trial before the cell is given up
THREADS = 1  # of each worker: the sums in a convolution depend on it, so it may not follow the machine


@dataclass(frozen=True, slots=True)
class Message:
    """What a worker sends: "trial" (rows of the trials, costs, curves tables), "done" (metrics) or "failed" (why)."""

    kind: str
    cell: Cell
    content: Any


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: CellJob | None = None


def execute(jobs: Sequence[CellJob], count: int, receive: Callable[[Message], None]) -> dict[Cell, str]:
    """Run the cells' jobs in worker processes.

    Args:
        jobs: in the order in which they are begun.
        count: processes at once.
        receive: called in this process with every message, in order for each cell.

    Returns:
        The cells that failed, with the reason; the others are finished.
    """
    waiting = deque(jobs)
    losses: dict[Cell, int] = {}
    failed: dict[Cell, str] = {}
    workers = [_start() for _ in range(min(count, len(jobs)))]
    try:
        for worker in workers:
            _assign(worker, waiting)
        while any(worker.job for worker in workers):
            for pipe in wait([worker.pipe for worker in workers if worker.job]):
                place = next(i for i, worker in enumerate(workers) if worker.pipe is pipe)
                worker = workers[place]
                assert worker.job is not None
                job = worker.job
                try:
                    kind, content = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    worker.process.join()
                    kind, content = "lost", f"its process was killed (exit code {worker.process.exitcode})"
                    workers[place] = worker = _start()
                if kind == "trial":
                    losses[job.cell] = 0
                    receive(Message("trial", job.cell, content))
                    continue
                if kind == "lost":
                    losses[job.cell] = losses.get(job.cell, 0) + 1
                    if losses[job.cell] < LOSSES:
                        waiting.appendleft(job)
                        _assign(worker, waiting)
                        continue
                    kind, content = "failed", f"{content}, {LOSSES} times in a row"
                if kind == "failed":
                    failed[job.cell] = content
                receive(Message(kind, job.cell, content))
                _assign(worker, waiting)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
    return failed


def _start() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Worker(process, ours)


def _assign(worker: _Worker, waiting: deque[CellJob]) -> None:
    worker.job = waiting.popleft() if waiting else None
    if worker.job is not None:
        worker.pipe.send(worker.job)


def _work(pipe: Connection) -> None:
    """A worker's life: take a job, send its trials, say how it ended, take the next."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver ends its workers
    import torch

    from benchmark.errors import InputError
    from benchmark.training.engine import configure
    from studies.cell import cost_row, curve_rows, run_cell, trial_row
    from studies.tune import Trial

    configure(THREADS)
    while True:
        try:
            job: CellJob = pipe.recv()
        except EOFError:
            return

        def send(trial: Trial, cell: Cell = job.cell) -> None:
            pipe.send(("trial", (trial_row(cell, trial), cost_row(cell, trial), curve_rows(cell, trial))))

        try:
            pipe.send(("done", run_cell(job, send)))
        except BrokenPipeError:
            return  # the driver is gone; the journal holds what was finished
        except (MemoryError, torch.cuda.OutOfMemoryError) as error:
            pipe.send(("lost", f"it ran out of memory ({error})"))
        except InputError as error:
            pipe.send(("failed", str(error)))
        except Exception:
            pipe.send(("failed", traceback.format_exc()))
