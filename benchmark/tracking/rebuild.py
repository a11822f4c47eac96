"""The mirror made again from the run folders, which are the truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.results import DONE, PREDICTIONS, SPEC, TRIALS, read_info, read_json, read_table
from benchmark.tracking.database import alone, new_database, use_database
from benchmark.tracking.layout import ARTIFACTS
from benchmark.tracking.writer import Writer

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True, slots=True)
class _Cell:
    dataset: str
    n_per_class: int
    seed: int
    arm: str


def rebuild(root: Path, runs: Sequence[str], say: Callable[[str], None]) -> None:
    """Make the mirror again.

    Args:
        root: `mlruns`.
        runs: names of runs under `root`, or folders elsewhere, to add to the database or complete in it;
            where none is named, a fresh database of every run under `root` takes the place of the old one.
        say: hears a line a run.

    Raises:
        InputError: there is no such run, or the database is in use.
    """
    if runs:
        folders = [_folder(root, run) for run in runs]
        with use_database(root) as client:
            for folder in folders:
                _mirror(client, root, folder, say)
        return
    if not root.is_dir():
        raise InputError(f"there is no folder {root}. Name the one that holds the runs: --root DIR.")
    folders = run_folders(root)
    if not folders:
        raise InputError(f"no run found under {root}. Run the benchmark first: python -m benchmark.run")
    root = root.resolve()
    with alone(root):
        with new_database(root) as client:
            for folder in folders:
                _mirror(client, root, folder, say)
            kept = {
                Path(e.artifact_location.removeprefix("file://")).name for e in client.search_experiments()
            }
        for artifacts in (root / ARTIFACTS).glob("*"):
            if artifacts.is_dir() and artifacts.name not in kept:
                shutil.rmtree(artifacts)


def run_folders(root: Path) -> list[Path]:
    """The runs under `root`, the oldest first."""
    specs = sorted(root.glob(f"*/{SPEC}"), key=lambda path: (path.stat().st_mtime, path))
    return [path.parent for path in specs]


def _folder(root: Path, run: str) -> Path:
    for folder in (root / run, Path(run)):
        if (folder / SPEC).is_file():
            return folder.resolve()
    known = ", ".join(folder.name for folder in run_folders(root)) or "none"
    raise InputError(f"'{run}' is no run under {root} and no folder of one. Runs there: {known}.")


def _mirror(client: MlflowClient, root: Path, folder: Path, say: Callable[[str], None]) -> None:
    writer = Writer(client, root, folder.name)
    settings = read_json(folder / SPEC).get("spec", {})
    finished = sorted(path.parent for path in (folder / "cells").glob(f"*/*/*/*/{DONE}"))
    unfinished = sum(1 for _ in _begun(folder)) - len(finished)
    for number, cell_folder in enumerate(finished, start=1):
        done = cell_folder / DONE
        content = read_json(done)
        cell = _cell(cell_folder, content)
        facts = {name: settings[name] for name in ("budget", "backbone") if name in settings}
        if (cell_folder / PREDICTIONS).exists():
            facts |= read_info(cell_folder / PREDICTIONS).notes.get(cell.dataset, {})
        ended = done.stat().st_mtime
        metrics = content.get("metrics") or {}
        writer.start_study(cell, facts, at=ended - float(metrics.get("seconds") or 0.0))
        writer.finish_study(cell, metrics, [cell_folder / PREDICTIONS, cell_folder / TRIALS], at=ended)
        say(f"{folder.name}: {number}/{len(finished)} cells")
    if unfinished > 0:
        say(f"{folder.name}: {unfinished} unfinished cells are left out; they come when the run is continued")


def _begun(folder: Path) -> Iterator[Path]:
    return (path for path in (folder / "cells").glob("*/*/*/*") if path.is_dir())


def _cell(folder: Path, done: Any) -> _Cell:
    """The cell from done.json, else from its tables, else from its folder's name."""
    columns = done.get("cell") or {}
    if not columns and (folder / TRIALS).exists():
        columns = read_table(folder / TRIALS).iloc[0].to_dict()
    dataset, n_per_class, seed, arm = folder.parts[-4:]
    return _Cell(
        dataset=str(columns.get("dataset", dataset)),
        n_per_class=int(columns.get("n_per_class", n_per_class.removeprefix("n"))),
        seed=int(columns.get("seed", seed.removeprefix("seed"))),
        arm=str(columns.get("arm", arm)),
    )
