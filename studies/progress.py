"""How far a run is: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmark.spec import Cell
from studies.costs import Costs, makespan

LINE_EVERY = 30.0  # seconds between plain lines
SOON = 5.0  # seconds between those on what comes before the first trial


class Progress:
    """Shows the trials that are finished, and the time left by what trials of the same kind have taken."""

    def __init__(self, costs: Costs, workers: int) -> None:
        """Begin with what the cells have left; `costs` is told of every trial before this is."""
        self._costs, self._workers = costs, workers
        self._total = sum(costs.left.values())
        self._began = self._line = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, unit="trial", bar_format="{l_bar}{bar}| {n}/{total}{postfix}")

    def trial(self, cell: Cell) -> None:
        """One more finished trial of a cell."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{cell.key}, {duration_text(self.time_left())} left", refresh=False)
            self._bar.update(self._done() - self._bar.n)
        elif time.monotonic() - self._line > LINE_EVERY:
            self._line = time.monotonic()
            sys.stderr.write(
                f"{self._done()}/{self._total} trials, {duration_text(self._line - self._began)} gone, "
                f"{duration_text(self.time_left())} left\n"
            )

    def cell(self, cell: Cell, remark: str) -> None:
        """A cell has ended, well or not."""
        if self._bar is not None:
            self._bar.update(self._done() - self._bar.n)
            self._bar.write(f"{cell.key}: {remark}", file=sys.stderr)
        else:
            sys.stderr.write(f"{cell.key}: {remark}\n")

    def time_left(self) -> float:
        """Estimated seconds until the last trial."""
        return makespan(self._costs.seconds_left(), self._workers)

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()

    def _done(self) -> int:
        return self._total - sum(self._costs.left.values())


def paced(report: Callable[[str], None], line: Callable[[int], str]) -> Callable[[int], None]:
    """A function that takes a count and reports it, where `SOON` seconds have gone since the last report.

    Args:
        report: takes the line.
        line: makes it from the count.
    """
    last = time.monotonic()

    def count(number: int) -> None:
        nonlocal last
        if time.monotonic() - last > SOON:
            last = time.monotonic()
            report(line(number))

    return count


def duration_text(seconds: float) -> str:
    """A duration for people: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
