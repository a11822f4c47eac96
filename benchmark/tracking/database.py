"""MLflow's database: made once, under a lock and in one piece; one writer, any number of readers."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.results import atomic_path
from benchmark.tracking.layout import DATABASE, LOCK

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE = 180.0  # seconds to wait for another process that is making the database

#: Nothing is sent anywhere, nothing but warnings is printed, and nothing is tried for minutes.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}


def quieten() -> None:
    """Set MLflow's environment, before it is imported and in the main thread."""
    for name, value in ENVIRONMENT.items():
        os.environ[name] = value


@contextmanager
def use_database(root: Path) -> Iterator[MlflowClient]:
    """A client of the database under `root`, which is made where there is none.

    As long as it is open no other process rebuilds the database.

    Raises:
        InputError: another process has held the lock for minutes.
    """
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lock = stack.enter_context((root / LOCK).open("a"))
        if not (root / DATABASE).exists():
            _wait_for_lock(lock, fcntl.LOCK_EX)
            if not (root / DATABASE).exists():  # nobody was faster
                with new_database(root):
                    pass
        _wait_for_lock(lock, fcntl.LOCK_SH)
        yield client_of(root / DATABASE)


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Keep others from rebuilding the database meanwhile."""
    with (root / LOCK).open("a") as lock:
        _wait_for_lock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Be the only one that uses the database.

    Raises:
        InputError: a run or an open UI uses it.
    """
    with (root / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{root / DATABASE} is in use by a run or by an open UI. End it, then rebuild."
            ) from None
        yield


@contextmanager
def new_database(root: Path) -> Iterator[MlflowClient]:
    """A client of a new, empty database, which takes its place under `root` when the block ends well.

    Only for the holder of the exclusive lock.
    """
    draft = root / f".{DATABASE}.{os.getpid()}.draft"
    _remove(draft)
    try:
        yield client_of(draft, durable=False)
        final = root / DATABASE
        with atomic_path(final) as temporary:
            temporary.unlink(missing_ok=True)
            with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.execute("VACUUM INTO ?", (str(temporary),))
            with closing(sqlite3.connect(temporary)) as connection:
                connection.execute("PRAGMA journal_mode=wal")
            if final.exists():
                _fold_in(final)
    finally:
        _remove(draft)


def client_of(path: Path, durable: bool = True) -> MlflowClient:
    """A client of one database file. With `durable=False` nothing survives a power cut: for drafts."""
    quieten()
    from mlflow import MlflowClient
    from sqlalchemy import Engine, event

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if not event.contains(Engine, "connect", _be_quick):
        event.listen(Engine, "connect", _be_quick)
    _drafts.update(() if durable else (str(path.resolve()),))
    return MlflowClient(database_uri(path))


def database_uri(path: Path) -> str:
    """A database file as SQLAlchemy's URL, in which '%' and '?' mean something else."""
    return "sqlite:///" + str(path.resolve()).replace("%", "%25").replace("?", "%3F")


_drafts: set[str] = set()


def _be_quick(connection: Any, record: Any) -> None:
    """No sync of the disk at each commit: .1 s where it is busy. With WAL the file stays consistent."""
    if not isinstance(connection, sqlite3.Connection):
        return
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if path in _drafts:
        connection.execute("PRAGMA journal_mode=memory")
        connection.execute("PRAGMA synchronous=off")
    elif Path(path).name == DATABASE:
        connection.execute("PRAGMA synchronous=normal")


def _fold_in(database: Path) -> None:
    """Leave no write-ahead log behind that would be taken for the next database's."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(truncate)")
    except sqlite3.DatabaseError:
        pass  # it is broken, and about to be replaced
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _wait_for_lock(lock: Any, kind: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise InputError(f"another process holds {lock.name}: is it rebuilding?") from None
            time.sleep(0.1)
