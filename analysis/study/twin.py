"""A run's twin: the same settings on another holdout, finished, in a folder beside it."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError
from benchmark.results import DONE, SPEC, read_json, run_folders
from benchmark.spec import BenchmarkSpec


def find_twin(run: Path) -> Path | None:
    """The first folder beside a run's whose settings differ in the holdout alone and whose cells are all finished.

    Args:
        run: a run's folder; anything else has no twin.
    """
    mine = _settings(run)
    if mine is None:
        return None
    for folder in run_folders(run.resolve().parent):
        theirs = _settings(folder)
        if theirs is None or theirs["holdout"] == mine["holdout"]:
            continue
        if theirs | {name: mine[name] for name in ("holdout", "external")} != mine:
            continue
        cells = BenchmarkSpec.from_dict(theirs).cells()
        if all((cell.folder(folder) / DONE).is_file() for cell in cells):
            return folder
    return None


def _settings(run: Path) -> dict[str, object] | None:
    """The settings in a run's spec.json; None where the folder is no run of this version."""
    try:
        spec = read_json(run / SPEC)["spec"]
        return BenchmarkSpec.from_dict(spec).as_dict()
    except (OSError, InputError, KeyError, TypeError):
        return None
