"""Many cells on one machine: worker processes that may die, and a driver that receives every finished trial.

Cells are independent and each computes on a fixed number of threads, so neither the number of workers nor the
order in which cells are begun or finished changes a result.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from benchmark.processes import follow_parent
from benchmark.spec import Cell
from studies.costs import Costs
from studies.devices import CardMemory
from studies.open_cells import LOOK_EVERY, Ended, Message, OpenCells

if TYPE_CHECKING:
    from studies.trainer import CellJob

THREADS = 1  # of each worker: the sums in a convolution depend on it, so it may not follow the machine

#: What a worker imports, by the server that workers are forked from, once. Imports alone: no thread is started and no
#: device is touched there, so that a fork is sound on a GPU too. One that is missing is passed over.
PRELOADED = (
    "studies.server_guard",  # first
    "numba",
    "optuna.samplers",
    "optuna.storages",
    "pyarrow.parquet",
    "sklearn.metrics",
    "timm",
    "studies.attempt",
)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    device: str
    job: CellJob | None = None


def start_context() -> ForkServerContext | SpawnContext:
    """How worker processes are started."""
    if sys.platform == "linux":
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def warm_up() -> None:
    """Start the server that workers are forked from: it imports while the driver still reads and decodes."""
    if sys.platform != "linux":
        return
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # starting it unblocks signals
    multiprocessing.set_forkserver_preload(list(PRELOADED))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # Ctrl-C is the driver's to answer
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def execute(
    jobs: Sequence[CellJob],
    devices: Sequence[str],
    receive: Callable[[Message], None],
    costs: Costs,
    memory: CardMemory | None = None,
) -> dict[Cell, str]:
    """Run the cells' jobs in worker processes, in the order of `Costs.next_cell`, and wait for those that others run.

    Args:
        jobs: the cells; equals are begun in this order. Each computes on its worker's device.
        devices: of each worker; there are never more workers than jobs.
        receive: called in this process with every message, in order for each cell.
        costs: of these cells, as far as it is known; it is told of every trial before `receive` is.
        memory: of the cards among the devices.

    Returns:
        The cells that failed, with the reason; the others are finished.

    Raises:
        DiskFull: every other cell would end the same.
    """
    cells = OpenCells(jobs, costs)
    memory = memory or CardMemory({})
    warm_up()
    workers = [_start(device) for device in devices[: len(jobs)]]

    def fill() -> None:
        """Give every idle worker a cell, where its device has the memory for one more."""
        for worker in workers:
            busy = [other for other in workers if other.job]
            on_device = sum(other.device == worker.device for other in busy)
            if worker.job is None and cells.waiting and memory.admits(worker.device, on_device):
                _assign(worker, *cells.take([other.job.cell for other in busy if other.job]))

    def end(cell: Cell, how: Ended) -> None:
        message = cells.ended(cell, how)
        if message is not None:
            receive(message)

    try:
        fill()
        while cells.elsewhere or any(worker.job for worker in workers):
            busy_pipes = [worker.pipe for worker in workers if worker.job]
            for pipe in wait(busy_pipes, LOOK_EVERY if cells.elsewhere else None):
                place = next(i for i, worker in enumerate(workers) if worker.pipe is pipe)
                worker = workers[place]
                assert worker.job is not None
                cell = worker.job.cell
                try:
                    kind, content = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    worker.process.join()
                    kind, content = "lost", f"its process was killed (exit code {worker.process.exitcode})"
                    workers[place] = worker = _start(worker.device)
                if kind == "trial":
                    cells.trial(cell, content[1]["seconds"])
                    memory.trial(worker.device, content[1]["peak_memory_mb"])
                    receive(Message("trial", cell, content))
                else:
                    worker.job = None
                    end(cell, Ended(kind, content))
            for message in cells.look(idle=not any(worker.job for worker in workers)):
                receive(message)
            fill()
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
    return cells.still_failed()


def _start(device: str) -> _Worker:
    start = start_context()
    ours, theirs = start.Pipe()
    process = start.Process(target=_work, args=(theirs, device), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Worker(process, ours, device)


def _assign(worker: _Worker, job: CellJob, dead: str | None) -> None:
    worker.job = dataclasses.replace(job, device=worker.device)
    worker.pipe.send((worker.job, dead))


def _work(pipe: Connection, device: str) -> None:
    """A worker's life: take a job, send its trials, say how it ended, take the next."""
    follow_parent()
    from benchmark.training.engine import configure
    from studies.attempt import attempt
    from studies.cell import cost_row, curve_rows, trial_row
    from studies.tune import Trial

    configure(THREADS, device)
    while True:
        try:
            job, dead = pipe.recv()
        except EOFError:
            return

        def send(trial: Trial, cell: Cell = job.cell) -> None:
            pipe.send(("trial", (trial_row(cell, trial), cost_row(cell, trial), curve_rows(cell, trial))))

        try:
            ended = attempt(job, send, dead)
            pipe.send((ended.kind, ended.content))
        except BrokenPipeError:
            return  # the driver is gone; the journal holds what was finished
