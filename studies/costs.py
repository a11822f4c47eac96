"""What the cells of a run cost, as far as it is known: the finished trials of cells of the same kind say it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from benchmark.spec import Cell

Kind = tuple[str, int, str]  # data set, n per class, arm: seeds cost the same


class Costs:
    """Counts the trials that cells have left, and keeps what a trial of each kind of cell takes on average."""

    def __init__(self, left: dict[Cell, int]) -> None:
        """Begin with the trials that each open cell has left."""
        self.left = dict(left)
        self._sums: dict[Kind, tuple[float, int]] = {}

    def learn(self, cell: Cell, seconds: Iterable[float]) -> None:
        """Trials of this cell, or of a finished one, that an earlier start of the run has made."""
        for value in seconds:
            total, count = self._sums.get(_kind(cell), (0.0, 0))
            self._sums[_kind(cell)] = (total + value, count + 1)

    def trial(self, cell: Cell, seconds: float) -> None:
        """One more finished trial of an open cell."""
        self.left[cell] = max(0, self.left[cell] - 1)
        self.learn(cell, [seconds])

    def ended(self, cell: Cell) -> None:
        """The cell has nothing left, however it ended."""
        self.left[cell] = 0

    def trial_seconds(self, cell: Cell) -> float | None:
        """Mean seconds of a trial of this kind; else of the same arm elsewhere; None before there is any."""
        if _kind(cell) in self._sums:
            return _mean([self._sums[_kind(cell)]])
        arm = [sums for kind, sums in self._sums.items() if kind[2] == cell.arm]
        return _mean(arm) if arm else None

    def seconds_left(self) -> list[float]:
        """Seconds that each open cell still takes; of kinds that are not known yet, the mean of the others."""
        overall = _mean(list(self._sums.values())) if self._sums else 0.0
        known = {cell: self.trial_seconds(cell) for cell, count in self.left.items() if count}
        return [self.left[cell] * (overall if seconds is None else seconds) for cell, seconds in known.items()]

    def next_cell(self, waiting: Sequence[Cell], running: Iterable[Cell]) -> Cell:
        """The cell to begin now: of the first seed that waits the longest, so that no core is left alone at the end.

        Seed by seed, so that the first seeds are complete in all cells when a planned look is due. A kind of which
        nothing is known, and which nobody is about to measure, comes first: beginning one is the cheapest measurement.
        Equals keep their order.
        """
        measured = {_kind(cell) for cell in running}

        def rank(cell: Cell) -> tuple[bool, int, float]:
            seconds = self.trial_seconds(cell)
            if seconds is None:
                return _kind(cell) not in measured, -cell.seed, float("inf")
            return False, -cell.seed, seconds * self.left[cell]

        return max(waiting, key=rank)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Wall time of independent jobs, the longest first, each to the worker that is free first (Graham 1969)."""
    free = [0.0] * max(1, workers)
    for value in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + value)
    return max(free)


def _kind(cell: Cell) -> Kind:
    return cell.dataset, cell.n_per_class, cell.arm


def _mean(sums: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in sums) / sum(count for _, count in sums)
