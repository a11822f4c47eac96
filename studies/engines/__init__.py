"""What runs the cells: processes of this machine, or one of the engines that are made for many."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

from benchmark.errors import InputError, unknown_name
from benchmark.spec import Cell
from studies.costs import Costs
from studies.open_cells import Message

if TYPE_CHECKING:
    from studies.trainer import CellJob

#: Engine -> the package that it needs, and the extra that brings it.
ENGINES: Mapping[str, tuple[str, str] | None] = {
    "local": None,
    "ray": ("ray", "ray"),
    "submitit": ("submitit", "slurm"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How cells are run; nothing here decides a result, but for the kind of device.

    Attributes:
        devices: "cpu", "cuda:0", ...: one for every worker.
        address: of a Ray cluster.
        resources: of every worker, in the engine's own words: ``num_gpus``, ``timeout_min``, ...
    """

    devices: tuple[str, ...]
    address: str | None = None
    resources: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """A module of this folder."""

    def execute(
        self, jobs: Sequence[CellJob], settings: Settings, receive: Callable[[Message], None], costs: Costs
    ) -> dict[Cell, str]:
        """Run the cells, and wait for those that others run.

        Args:
            jobs: the cells.
            settings: how.
            receive: called in this process with what becomes of the cells.
            costs: of these cells, as far as it is known; it is told of trials and cells before `receive` is.

        Returns:
            The cells that failed, with the reason; the others are finished.

        Raises:
            InputError: the settings do not fit the engine.
        """


def find(name: str) -> Engine:
    """The engine of this name.

    Raises:
        InputError: there is none, or its package is not installed.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    needed = ENGINES[name]
    if needed is not None and find_spec(needed[0]) is None:
        raise InputError(
            f"--engine {name} needs the package {needed[0]}, which is not installed: pip install -c constraints.txt "
            f"-e '.[{needed[1]}]'. Without it, --shard 1/N, 2/N, ... divides the cells over any scheduler's jobs."
        )
    return cast("Engine", importlib.import_module(f"studies.engines.{name}"))
