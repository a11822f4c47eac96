"""MLflow's database file: made once, under a lock, and opened without MLflow's noise."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.tracking.views import ANSWER, MODE, link_to_view

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
KIND, RUN = "benchmark.kind", "benchmark.run"  # tags of experiments
WRITTEN = "benchmark.written"  # tag of an experiment of results: when its answer was written, or its run begun
RESULTS = "results"  # kind of experiment: arms and studies
LONGEST_LOCK = 8.0  # seconds that another process may take to make the database
MADE = 1  # the database's user_version once all its tables are there; MLflow leaves that alone
LONGEST_WRITE = 20.0  # seconds that another process may keep the database from being written

#: Nothing leaves the machine, a dead server costs a second rather than minutes, and MLflow's own lines stay quiet.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # it logs every error with its traceback; the mirror says it once
}


def open_database(root: Path, database: str = DATABASE) -> MlflowClient:
    """A client of `root`'s database, which is created once, under a lock, however many processes ask.

    Args:
        root: `mlruns`, made if need be.
        database: the file's name.

    Raises:
        InputError: another process keeps the lock.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import logging
    import sqlite3

    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root.mkdir(parents=True, exist_ok=True)
    _sync_less()
    path = root / database
    if not _is_made(path):
        with _locked(root / ".mlflow.lock"):
            if not _is_made(path):  # by who had the lock before
                MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)  # makes the tables
                with sqlite3.connect(path) as connection:
                    connection.execute("PRAGMA journal_mode=wal")
                    connection.execute(f"PRAGMA user_version={MADE}")
                connection.close()
    return MlflowClient(f"sqlite:///{path}")


def _is_made(path: Path) -> bool:
    """Whether a database has all its tables, so that it is opened without waiting for anybody."""
    import sqlite3

    if not path.is_file():
        return False
    try:
        with sqlite3.connect(path, timeout=LONGEST_WRITE) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.close()
    except sqlite3.DatabaseError:  # MLflow says what is wrong with it
        return False
    return int(version) == MADE


def _sync_less() -> None:
    """Let SQLite sync at its checkpoints instead of with every write: sound with its write-ahead log.

    A power failure may take the last writes; the database is a mirror, and can be rebuilt.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _normal):
        event.listen(Engine, "connect", _normal)


def _normal(connection: object, _: object) -> None:
    import sqlite3

    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=normal")
        connection.execute(f"PRAGMA busy_timeout={LONGEST_WRITE * 1000:.0f}")


def complete(root: Path, database: str) -> None:
    """Bring what lies in a database's write-ahead log into its file, which can then be renamed."""
    import sqlite3

    with sqlite3.connect(root / database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def landing(root: Path) -> str | None:
    """The address, after the hash, of the newest run's answer; None where MLflow has no run.

    A database that an older version wrote has no answers: there it is the experiment that was written to last.
    """
    experiments = open_database(root.resolve()).search_experiments(order_by=["last_update_time DESC"])
    answers = [experiment for experiment in experiments if experiment.tags.get(KIND) == RESULTS]
    if answers:
        newest = max(answers, key=lambda experiment: float(experiment.tags.get(WRITTEN, 0)))
        return link_to_view(newest.experiment_id, ANSWER)
    ours = (experiment.experiment_id for experiment in experiments if experiment.name != "Default")
    return next((f"/experiments/{identity}/runs?{MODE}" for identity in ours), None)


def artifact_places(root: Path) -> dict[str, str]:
    """Experiment -> where its artifacts lie, of all but MLflow's default one, which holds nothing of ours."""
    experiments = open_database(root.resolve()).search_experiments()
    return {item.name: str(item.artifact_location) for item in experiments if item.name != "Default"}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file's lock."""
    with path.open("w") as lock:
        limit = time.monotonic() + LONGEST_LOCK
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > limit:
                    raise InputError(
                        f"{path} has been held by another process for {LONGEST_LOCK:.0f} s. Wait for that, or end it."
                    ) from None
                time.sleep(0.1)
        yield
