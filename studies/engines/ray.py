"""Ray Core: one task a cell, on whatever nodes the cluster has.

Ray gives every task its processors and its part of a card, and begins it where they are free. The code and the presets
are sent along; the run's folder and the cache must be on a file system that all nodes share.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.spec import Cell
from studies.costs import Costs
from studies.open_cells import LOOK_EVERY, Ended, Message, OpenCells

if TYPE_CHECKING:
    from studies.engines import Settings
    from studies.trainer import CellJob

PACKAGES = ("benchmark", "studies")  # beside each other; the presets are inside
STANDARD = {"num_cpus": 1.0}  # resources


def execute(
    jobs: Sequence[CellJob], settings: Settings, receive: Callable[[Message], None], costs: Costs
) -> dict[Cell, str]:
    """As `studies.engines.Engine`: as many tasks at once as there are devices."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    try:
        resources = STANDARD | {name: float(value) for name, value in settings.resources.items()}
    except ValueError as error:
        raise InputError(f"Ray's --resources are numbers, as in num_cpus=1,num_gpus=0.5: {error}.") from error
    if settings.devices[0] != "cpu" and not resources.get("num_gpus"):
        raise InputError("Ray shows a task no card unless it asks for one: say --resources num_gpus=1, or a part of 1.")
    ours = not ray.is_initialized()
    if ours:
        code = [str(Path(__file__).parents[2] / name) for name in PACKAGES]
        try:
            ray.init(
                address=settings.address,
                runtime_env={"py_modules": code},
                log_to_driver=False,
                logging_level="warning",
                include_dashboard=False if settings.address is None else None,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(f"no Ray cluster answers at --address {settings.address}: {error}") from error
    try:
        return _drive(jobs, settings, receive, OpenCells(jobs, costs), resources)
    finally:
        if ours:
            ray.shutdown()


def work(job: CellJob, block: Any, dead: str | None) -> Ended:
    """What a task does. Ray sets the threads of a task by its processors; the sums depend on them, so they are ours."""
    from benchmark.training.engine import configure
    from studies.attempt import attempt
    from studies.workers import THREADS

    configure(THREADS, job.device)
    return attempt(replace(job, block=block), dead=dead)


def _drive(
    jobs: Sequence[CellJob],
    settings: Settings,
    receive: Callable[[Message], None],
    cells: OpenCells,
    resources: dict[str, float],
) -> dict[Cell, str]:
    import ray

    task = ray.remote(max_retries=0, **resources)(work)
    # blocks are large, and shared by the arms: each is sent once
    blocks = {id(job.block): ray.put(job.block) for job in {id(job.block): job for job in jobs}.values()}
    running: dict[Any, Cell] = {}
    while cells.waiting or cells.elsewhere or running:
        while cells.waiting and len(running) < len(settings.devices):
            job, dead = cells.take(running.values())
            light: Any = replace(job, block=None, device=settings.devices[0])  # type: ignore[arg-type]
            running[task.remote(light, blocks[id(job.block)], dead)] = job.cell
        ready = ray.wait(list(running), timeout=LOOK_EVERY)[0] if running else []
        messages = [cells.ended(running.pop(reference), _outcome(reference)) for reference in ready]
        if not running and not cells.waiting and cells.elsewhere:
            time.sleep(LOOK_EVERY)
        for message in [*messages, *cells.look(idle=not running)]:
            if message is not None:
                receive(message)
    return cells.still_failed()


def _outcome(reference: Any) -> Ended:
    """What a task gave; a node or a process that died under it is a loss."""
    import ray

    try:
        ended: Ended = ray.get(reference)
    except ray.exceptions.RayError as error:
        return Ended("lost", f"its task was lost: {str(error).strip().splitlines()[0]}")
    return ended
