"""Worker processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.spec import Cell
from studies.costs import Costs
from studies.devices import CardMemory, free_memory
from studies.open_cells import Message
from studies.workers import execute as execute_in_workers

if TYPE_CHECKING:
    from studies.engines import Settings
    from studies.trainer import CellJob


def execute(
    jobs: Sequence[CellJob], settings: Settings, receive: Callable[[Message], None], costs: Costs
) -> dict[Cell, str]:
    """As `studies.engines.Engine`: every device's worker takes one cell after the other."""
    if settings.resources or settings.address:
        raise InputError("--engine local takes neither --resources nor --address: say --workers and --device.")
    memory = CardMemory(free_memory(settings.devices))
    return execute_in_workers(jobs, settings.devices, receive, costs, memory)
