"""Optuna's dashboard over the studies of a run, a block or a cell: importances, slices, timelines.

What is shown is a copy of the journals as they are now: nothing that is clicked there can touch a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.results import CELLS, STUDY
from studies.journal import read_lines

if TYPE_CHECKING:
    import optuna


class _Lines:
    """What `optuna.storages.JournalStorage` asks of a file, of one that is only read."""

    def __init__(self, logs: Sequence[Mapping[str, Any]]) -> None:
        self._logs = logs

    def read_logs(self, log_number_from: int) -> Sequence[Mapping[str, Any]]:
        return self._logs[log_number_from:]

    def append_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        raise NotImplementedError


def journals(place: Path) -> list[Path]:
    """The journals in a run's folder, in a folder inside it, or a journal itself; sorted.

    Raises:
        InputError: there is none.
    """
    files = [place] if place.is_file() else sorted(place.rglob(STUDY))
    if not files:
        raise InputError(
            f"no study under {place}: it has no {STUDY}. Give a run's folder, or that of a cell, as in "
            f"mlruns/RUN/{CELLS}/<data set>/n50/seed00/<arm>."
        )
    return files


def copies(files: Sequence[Path]) -> optuna.storages.BaseStorage:
    """A storage in memory with every journal's study, named by its cell.

    Raises:
        InputError: a journal cannot be read.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    together = optuna.storages.InMemoryStorage()
    for path in files:
        try:
            storage = optuna.storages.JournalStorage(_Lines(read_lines(path)))  # type: ignore[arg-type]
            for name in optuna.get_all_study_names(storage):
                optuna.copy_study(from_study_name=name, from_storage=storage, to_storage=together)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not a study's journal ({type(error).__name__}: {error}). If it was damaged, the run's own "
                "command sets it aside and computes the cell anew."
            ) from error
    return together


def check_installed() -> None:
    """Refuse, with the command that installs it, where the dashboard's package is missing (`InputError`)."""
    try:
        import optuna_dashboard  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"optuna-dashboard is not installed ({error}): pip install -c constraints.txt -e '.[dashboard]', "
            "or pip install optuna-dashboard."
        ) from error


def serve(files: Sequence[Path], host: str, port: int) -> None:
    """Show the studies at an address until it is interrupted."""
    from optuna_dashboard import run_server

    run_server(copies(files), host=host, port=port)
