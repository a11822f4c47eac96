"""MLflow's database made anew from the run folders, which are the truth that it mirrors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark import metrics
from benchmark.errors import InputError
from benchmark.results import DONE, PREDICTIONS, REPORT, SPEC, cell_folders, read_info, read_json, run_folders
from benchmark.spec import Cell, tuned_metric
from benchmark.tracking.bulk import BulkClient
from benchmark.tracking.database import DATABASE, complete, open_database
from benchmark.tracking.mirror import Mirror


def rebuild(root: Path, runs: Sequence[Path] = ()) -> int:
    """Make the database anew from the finished cells of run folders; the old one is replaced when it is complete.

    Args:
        root: `mlruns`.
        runs: run folders; by default all below `root`.

    Returns:
        The number of cells mirrored.

    Raises:
        InputError: no run folder, or MLflow failed.
    """
    folders = list(runs) or run_folders(root)
    for folder in folders:
        if not (folder / SPEC).exists():
            raise InputError(f"{folder} is no run's folder: it has no {SPEC}.")
    if not folders:
        raise InputError(f"no run under {root}: run the benchmark first, or name run folders.")
    fresh = f".{DATABASE}.{os.getpid()}"
    count = 0
    try:
        client: Any = BulkClient(open_database(root.resolve(), fresh))
        for folder in folders:
            tuned, negated = tuned_metric(read_json(folder / SPEC))
            if negated:
                sys.stderr.write(f"{folder} is left out: an older version wrote it, with values of the wrong sign\n")
                continue
            with Mirror(root, folder, metrics.find(tuned or "auroc"), client) as mirror:
                count += _mirror_cells(folder, mirror)
                if (folder / REPORT / "tables" / "arms.csv").is_file():
                    mirror.report_written(folder / REPORT)
            if mirror.failure:
                raise InputError(f"MLflow could not be rebuilt: {mirror.failure}")
        client.flush()
        complete(root, fresh)
        for suffix in ("-wal", "-shm"):
            (root / f"{DATABASE}{suffix}").unlink(missing_ok=True)
        (root / fresh).replace(root / DATABASE)
    finally:
        for suffix in ("", "-wal", "-shm"):
            (root / f"{fresh}{suffix}").unlink(missing_ok=True)
    return count


def _mirror_cells(run: Path, mirror: Mirror) -> int:
    """Mirror the finished cells of a run, and count them."""
    count = 0
    for folder in cell_folders(run):
        if not (folder / DONE).is_file():
            continue
        described = read_json(folder / DONE)
        cell = Cell(**described["cell"])
        facts = read_info(folder / PREDICTIONS).facts.get(cell.dataset, {})
        mirror.study_started(cell, facts)
        mirror.study_finished(cell, described.get("metrics", {}), folder)
        count += 1
    return count
