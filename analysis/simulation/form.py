"""What every scenario of the proof has in common: cases, gates, and a table of rates.

A scenario is a module of this folder:

    NAME = "label_gain"         # --scenarios label_gain
    TITLE = "..."               # of its table
    NOTE = "..."                # what is simulated, what must hold
    SIMULATIONS = 2000          # studies a case of the full run; with fewer, gates give way by 3 standard errors
    BATCH = 50                  # studies that are simulated together, on one random stream

    def cases() -> list[Case]            # one row each: anything picklable with a name and a number of seeds
    def gates(case) -> tuple[Gate, ...]  # what must hold of the row's rates
    def batch(case, size, rng) -> dict[str, Floats]
        # column -> one value a study: 1 or 0 for a rate, NaN where there is none
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from benchmark.seeds import rng_for

Floats = npt.NDArray[np.float64]

WIDTH = 120  # of a line of text
ERRORS = 3  # standard errors that a short run's gates give way by


class Case(Protocol):
    """One row of a scenario."""

    @property
    def name(self) -> str:
        """For the table and the random streams."""

    @property
    def seeds(self) -> int:
        """S."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold of a column's rate.

    Attributes:
        column: which.
        low, high: the rate must lie in between.
        known: a failure is known and documented: it is shown, and does not fail the run.
    """

    column: str
    low: float
    high: float
    known: bool = False

    def holds(self, rate: float, slack: float) -> bool:
        """Whether a rate is inside, but for so much."""
        return self.low - slack <= rate <= self.high + slack

    def __str__(self) -> str:
        return f"{self.column} in [{self.low:g}, {self.high:g}]"


class Scenario(Protocol):
    """A scenario's module."""

    NAME: str
    TITLE: str
    NOTE: str
    SIMULATIONS: int
    BATCH: int

    def cases(self) -> Sequence[Case]:
        """The rows."""

    def gates(self, case: Any, /) -> tuple[Gate, ...]:
        """What must hold of a row."""

    def batch(self, case: Any, size: int, rng: np.random.Generator, /) -> dict[str, Floats]:
        """Column -> (size,) outcomes of as many simulated studies."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the simulations of a case show.

    Attributes:
        case: its name.
        rates: column -> mean over the studies that have a value; NaN where none has.
        counts: column -> those studies.
        failed, known: the gates that do not hold, in words; and those of them that are documented.
    """

    case: str
    rates: Mapping[str, float]
    counts: Mapping[str, int]
    failed: tuple[str, ...]
    known: tuple[str, ...]


def scenario(name: str) -> Scenario:
    """The module of a scenario."""
    return cast(Scenario, importlib.import_module(f"analysis.simulation.{name}"))


def run(name: str, case: Case, simulations: int, seed: int, pool: Executor | None = None) -> Iterator[int | Row]:
    """Simulate one case; yields the number of studies done after every batch, and the row at the end.

    Args:
        name: of the scenario.
        case: one of its rows.
        simulations: how many studies.
        seed: of everything random.
        pool: processes that share the work; their number does not change the result.
    """
    module = scenario(name)
    sizes = [module.BATCH] * (simulations // module.BATCH)
    if simulations % module.BATCH:
        sizes.append(simulations % module.BATCH)
    work = partial(_batch, name, case, seed)
    columns: dict[str, list[Floats]] = {}
    done = (map if pool is None else pool.map)(work, range(len(sizes)), sizes)
    for size, outcomes in zip(sizes, done, strict=True):
        for column, values in outcomes.items():
            columns.setdefault(column, []).append(values)
        yield size
    yield judge(module, case, {column: np.concatenate(parts) for column, parts in columns.items()}, simulations)


def _batch(name: str, case: Case, seed: int, index: int, size: int) -> dict[str, Floats]:
    rng = rng_for(seed, "validate", scenario=name, case=case.name, batch=index)
    return scenario(name).batch(case, size, rng)


def judge(module: Scenario, case: Case, columns: Mapping[str, Floats], simulations: int) -> Row:
    """The rates of the columns, held against the case's gates."""
    rates, counts = {}, {}
    for column, values in columns.items():
        present = values[~np.isnan(values)]
        rates[column] = float(present.mean()) if len(present) else math.nan
        counts[column] = len(present)
    failed: list[str] = []
    known: list[str] = []
    for gate in module.gates(case):
        rate, count = rates.get(gate.column, math.nan), counts.get(gate.column, 0)
        if not count:
            continue
        nearest = min(max(rate, gate.low), gate.high)  # that is allowed
        slack = 0.0 if simulations >= module.SIMULATIONS else ERRORS * math.sqrt(nearest * (1 - nearest) / count)
        if not gate.holds(rate, slack):
            (known if gate.known else failed).append(f"{case.name}: {rate:.4f}, not {gate}")
    return Row(case.name, rates, counts, tuple(failed), tuple(known))


def table(module: Scenario, rows: Sequence[Row], simulations: int) -> str:
    """A scenario's section: what was simulated, its rates, and the gates that do not hold."""
    from analysis.page.formats import markdown

    columns = list(dict.fromkeys(column for row in rows for column in row.rates))
    body = [[row.case, *(shown(row.rates.get(column, math.nan)) for column in columns)] for row in rows]
    lines = [f"## {module.TITLE}\n", fill(module.NOTE, WIDTH) + "\n", f"{simulations:,} simulated studies a case.\n"]
    lines.append(markdown(["case", *columns], body))
    for heading, gates in (
        ("Gates not met:", [line for row in rows for line in row.failed]),
        ("Known failures:", [line for row in rows for line in row.known]),
    ):
        if gates:
            lines += [f"{heading}\n", *(f"- {line}" for line in gates), ""]
    return "\n".join(lines)


def shown(rate: float) -> str:
    """A rate without its leading zero; empty for NaN."""
    return "" if math.isnan(rate) else f"{rate:.3f}".removeprefix("0")
