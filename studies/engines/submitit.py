"""Slurm, by the package submitit: one array job, of which every task works through a share of the cells.

A task begins with its own share and goes on with what is free of the others', so that a task that waits in the queue,
or dies, holds nothing up. The run's folder, the cache and the code must be on a file system that all nodes share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.leases import holder
from benchmark.spec import Cell
from studies.costs import Costs
from studies.open_cells import LOOK_EVERY, Ended, Message, OpenCells, finished, lease_folder

if TYPE_CHECKING:
    import submitit

    from studies.engines import Settings
    from studies.trainer import CellJob

FOLDER = "submitit"  # in the run's folder: what submitit writes of its tasks
CLUSTER = "cluster"  # a resource that chooses submitit's executor: "slurm", or "local" for a trial
STANDARD = {"cpus_per_task": 1, "timeout_min": 24 * 60}  # resources

Taken = tuple["CellJob", str | None]  # and the stamp of a dead holder


def execute(
    jobs: Sequence[CellJob], settings: Settings, receive: Callable[[Message], None], costs: Costs
) -> dict[Cell, str]:
    """As `studies.engines.Engine`: as many tasks as there are devices, but no more than cells."""
    if settings.address:
        raise InputError("--engine submitit takes no --address: that is Ray's.")
    executor = _executor(jobs[0], settings)
    cells = OpenCells(jobs, costs)
    while cells.waiting or cells.elsewhere:
        if cells.waiting:
            _run(cells.take_all(), executor, settings, cells, receive)
        time.sleep(LOOK_EVERY)
        for message in cells.look(idle=True):
            receive(message)
    return cells.still_failed()


def work(taken: Sequence[Taken]) -> dict[Cell, Ended]:
    """What a task does: attempt one cell after the other; what somebody else holds is left to them."""
    from benchmark.training.engine import configure
    from studies.attempt import attempt
    from studies.workers import THREADS

    configure(THREADS, taken[0][0].device)
    return {job.cell: attempt(job, dead=dead) for job, dead in taken}


def _run(
    taken: Sequence[Taken],
    executor: submitit.AutoExecutor,
    settings: Settings,
    cells: OpenCells,
    receive: Callable[[Message], None],
) -> None:
    """Submit tasks for these cells, and wait until all have ended; a finished cell is told of at once.

    Raises:
        InputError: no task began a cell, with what the first one said.
    """
    left = {job.cell: job for job, _ in taken}

    def end(cell: Cell, how: Ended) -> None:
        del left[cell]
        message = cells.ended(cell, how)
        if message is not None:
            receive(message)

    tasks = _submit(executor, _lighter(taken, settings.devices[0]), len(settings.devices))
    try:
        while not all(task.done() for task in tasks):
            time.sleep(LOOK_EVERY)
            for cell, metrics in [(cell, finished(job)) for cell, job in left.items()]:
                if metrics is not None:
                    end(cell, Ended("done", metrics))
            for message in cells.look():
                receive(message)
    except BaseException:
        for task in tasks:
            task.cancel(check=False)
        raise
    errors = [error for task in tasks if (error := task.exception()) is not None]
    if errors and not any(holder(lease_folder(job.run, job.cell)) for job, _ in taken):
        raise InputError(f"no task of submitit began a cell. The first one said: {errors[0]}")
    ends = [task.result() for task in tasks if task.exception() is None]
    for cell in list(left):
        told = [how for of_task in ends if (how := of_task.get(cell)) is not None and how.kind != "held"]
        end(cell, told[-1] if told else Ended("held", "a task that has ended, or somebody else"))


def _executor(job: CellJob, settings: Settings) -> submitit.AutoExecutor:
    import submitit

    resources: dict[str, Any] = {name: int(v) if v.isdecimal() else v for name, v in settings.resources.items()}
    try:
        executor = submitit.AutoExecutor(job.run / FOLDER, cluster=resources.pop(CLUSTER, None))
        executor.update_parameters(name="benchmark", **(STANDARD | resources))
    except (TypeError, NameError, ValueError, AssertionError, RuntimeError) as error:
        raise InputError(f"submitit does not take these --resources: {error}") from error
    return executor


def _submit(executor: submitit.AutoExecutor, taken: Sequence[Taken], tasks: int) -> list[submitit.Job[Any]]:
    parts = min(tasks, len(taken))
    with executor.batch():
        return [
            executor.submit(work, [*taken[part::parts], *(one for i, one in enumerate(taken) if i % parts != part)])
            for part in range(parts)
        ]


def _lighter(taken: Sequence[Taken], device: str) -> list[Taken]:
    """The same, for a device; the holdout, which is the same in all blocks of a data set, is sent once."""
    first: Mapping[str, Any] = {job.cell.dataset: job.block for job, _ in reversed(taken)}
    shared = ("holdout", "holdout_labels", "holdout_ids", "holdout_groups")
    light = []
    for job, dead in taken:
        same = {name: getattr(first[job.cell.dataset], name) for name in shared}
        light.append((replace(job, block=replace(job.block, **same), device=device), dead))
    return light
