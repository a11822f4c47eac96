"""How far a run is: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable

from benchmark.spec import Cell

LINE_EVERY = 30.0  # seconds between plain lines


class Progress:
    """Counts finished trials. The time left weighs each arm's open trials by what that arm's trials have taken."""

    def __init__(self, cells: Iterable[Cell], budget: int, workers: int) -> None:
        """Begin with no trial of these cells finished."""
        self._open = dict.fromkeys(cells, budget)
        self._total = sum(self._open.values())
        self._workers = workers
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._began = self._line = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, unit="trial", bar_format="{l_bar}{bar}| {n}/{total}{postfix}")

    def trial(self, cell: Cell, seconds: float) -> None:
        """One more finished trial of a cell."""
        self._open[cell] -= 1
        self._seconds[cell.arm].append(seconds)
        if self._bar is not None:
            self._bar.set_postfix_str(f"{cell.key}, {duration_text(self.time_left())} left", refresh=False)
            self._bar.update(1)
        elif time.monotonic() - self._line > LINE_EVERY:
            self._line = time.monotonic()
            done = self._total - sum(self._open.values())
            sys.stderr.write(
                f"{done}/{self._total} trials, {duration_text(self._line - self._began)} gone, "
                f"{duration_text(self.time_left())} left\n"
            )

    def cell(self, cell: Cell, remark: str) -> None:
        """A cell has ended, well or not; trials that it had finished before are counted now."""
        skipped, self._open[cell] = self._open[cell], 0
        if self._bar is not None:
            self._bar.update(skipped)
            self._bar.write(f"{cell.key}: {remark}", file=sys.stderr)
        else:
            sys.stderr.write(f"{cell.key}: {remark}\n")

    def time_left(self) -> float:
        """Estimated seconds until the last trial."""
        every = [second for seconds in self._seconds.values() for second in seconds]
        if not every:
            return 0.0
        overall = sum(every) / len(every)
        left = 0.0
        for cell, trials in self._open.items():
            seconds = self._seconds[cell.arm]
            left += trials * (sum(seconds) / len(seconds) if seconds else overall)
        return left / self._workers

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()


def duration_text(seconds: float) -> str:
    """A duration for people: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
