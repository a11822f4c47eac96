"""What the driver of a run tells: events go into a queue, and a thread of their own writes them to MLflow."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmark.tracking.database import quieten, use_database
from benchmark.tracking.layout import CellLike
from benchmark.tracking.writer import Writer

FAILURES = 3  # in a row, after which the rest of the run is not mirrored
PATIENCE = (
    180.0  # seconds that `close` waits for one event; on a crowded machine the import alone takes minutes
)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


class Mirror:
    """Mirrors one run to MLflow as it goes. No call of it raises, or waits for MLflow; only `close` waits.

    What fails is counted and warned of once. Told twice, a study or a trial stays one MLflow run, so that a
    continued run tells again what it likes; what was never told is caught up on when the study is finished.
    """

    def __init__(self, root: Path, run: str, say: Callable[[str], None] = _to_stderr) -> None:
        """Open the database under `root` (or make it) for the run of this name.

        Args:
            root: `mlruns`.
            run: the run's name.
            say: how to tell the user that something failed.
        """
        quieten()
        self.failures = 0
        self._root, self._run, self._say = root, run, say
        self._in_a_row = 0
        self._progress = time.monotonic()
        self._events: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mlflow mirror", daemon=True)
        self._thread.start()

    def study_started(self, cell: CellLike, facts: Mapping[str, Any]) -> None:
        """A cell's study begins, or is continued. `facts` go into its description."""
        self._events.put((Writer.start_study, cell, dict(facts), time.time()))

    def trial_finished(self, cell: CellLike, trial: Mapping[str, Any], cost: Mapping[str, Any]) -> None:
        """A trial is finished: its rows of the trials and of the costs table."""
        self._events.put((Writer.finish_trial, cell, dict(trial), dict(cost), time.time()))

    def study_finished(self, cell: CellLike, metrics: Mapping[str, float], paths: Iterable[Path]) -> None:
        """A cell is finished: its summary metrics, and its tables, which are kept as artifacts."""
        self._events.put((Writer.finish_study, cell, dict(metrics), tuple(paths), time.time()))

    def study_failed(self, cell: CellLike, reason: str) -> None:
        """A cell is given up."""
        self._events.put((Writer.fail_study, cell, reason, time.time()))

    def close(self) -> None:
        """Wait until everything told is written, as long as it goes on, and say what failed."""
        self._events.put(None)
        self._progress = time.monotonic()
        while self._thread.is_alive():
            self._thread.join(0.5)
            if time.monotonic() - self._progress > PATIENCE:
                self.failures += self._events.qsize()
                self._say("warning: MLflow does not answer, and the rest is not mirrored")
                break
        if self.failures:
            self._say(
                f"warning: {self.failures} events could not be mirrored to MLflow. No result is lost: "
                f"'python -m benchmark.tracking --rebuild --root {self._root}' makes the mirror again."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        try:
            with use_database(self._root) as client:
                self._progress = time.monotonic()
                self._drain(Writer(client, self._root, self._run))
        except Exception as error:
            self._failed(error)
            while self._events.get() is not None:
                self.failures += 1

    def _drain(self, writer: Writer) -> None:
        while (event := self._events.get()) is not None:
            if self._in_a_row >= FAILURES:
                self.failures += 1
                continue
            write, *content = event
            try:
                write(writer, *content)
                self._in_a_row = 0
            except Exception as error:
                self._in_a_row += 1
                self._failed(error)
            self._progress = time.monotonic()
        if self._in_a_row < FAILURES:
            writer.close()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._say(f"warning: mirroring to MLflow failed ({reason}). The run goes on.")
