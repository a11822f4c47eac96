"""The trials of a run: the budget ledger that proves that every arm got the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.predictions.block import arm_rank
from benchmark import metrics
from benchmark.errors import InputError
from benchmark.metrics import Metric
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    CURVE_COLUMNS,
    CURVES,
    PREDICTIONS,
    TRIAL_COLUMNS,
    TRIALS,
    cell_folders,
    read_table,
)
from benchmark.spec import tuned_metric

if TYPE_CHECKING:
    import pandas as pd

CELL = ["dataset", "n_per_class", "arm", "seed"]
SHOWN = 3  # cells that a remark names


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """The finished trials of a run.

    Attributes:
        frame: one row a trial, sorted by cell and trial, with what it cost; `value` in the metric's natural units.
        metric: what the studies tuned.
        sampler: Optuna's; "" where the run does not tell.
        curves: one row a trial and fold, with `losses`, `checked` and `values`; None where an older version ran it.
        spaces: arm -> its dimensions, as spec.json has them; empty where it has none.
    """

    frame: pd.DataFrame
    metric: Metric
    sampler: str
    curves: pd.DataFrame | None = None
    spaces: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def by_arm(self) -> list[tuple[tuple[str, int, str], pd.DataFrame]]:
        """((data set, n, arm), its trials) in the order of the tables."""
        parts = []
        for key, part in self.frame.groupby(CELL[:3], sort=True):
            dataset, n, arm = cast("tuple[str, int, str]", key)
            parts.append(((str(dataset), int(n), str(arm)), part))
        return sorted(parts, key=lambda item: (item[0][0], item[0][1], arm_rank(item[0][2])))


def read_trials(run: Path, described: Mapping[str, Any] | None, otherwise: Metric) -> Trials | None:
    """Trials of all cells of a run's folder with their costs; None where there are none.

    Args:
        run: the folder, or a file, which has none.
        described: its spec.json.
        otherwise: the tuned metric where spec.json does not tell.

    Raises:
        InputError: a table without the documented columns, or an unknown metric.
    """
    import pandas as pd

    if not run.is_dir():
        return None
    frames, curves = [], []
    for folder in cell_folders(run):
        if not (folder / TRIALS).exists():
            continue
        trials = _read(folder / TRIALS, TRIAL_COLUMNS)
        if (folder / COSTS).exists():
            cost = _read(folder / COSTS, COST_COLUMNS)
            trials = trials.merge(cost, on=[*CELL, "trial"], how="left", validate="one_to_one")
        else:
            trials["seconds"] = trials["peak_memory_mb"] = np.nan
        frames.append(trials)
        if (folder / CURVES).exists():
            curves.append(_read(folder / CURVES, CURVE_COLUMNS))
    if not frames:
        return None
    frame = pd.concat(frames, ignore_index=True).sort_values([*CELL, "trial"], ignore_index=True)
    tuned, negated = tuned_metric(described)
    metric = otherwise if tuned is None else metrics.find(tuned)
    if negated:
        frame["value"] = -frame["value"]
        frame["fold_values"] = frame["fold_values"].map(np.negative)
    return Trials(
        frame,
        metric,
        str((described or {}).get("spec", {}).get("sampler", "")),
        pd.concat(curves, ignore_index=True) if curves else None,
        _spaces(described or {}),
    )


def remark_on_missing(run: Path) -> list[str]:
    """A sentence where cells of a run have predictions and no trials: their part of the budget cannot be shown."""
    cells = cell_folders(run) if run.is_dir() else []
    begun = [cell for cell in cells if (cell / PREDICTIONS).exists()]
    lacking = [cell.relative_to(run).as_posix() for cell in begun if not (cell / TRIALS).exists()]
    if not lacking or len(lacking) == len(begun):  # predictions alone are no run that lost something
        return []
    listed = ", ".join(lacking[:SHOWN]) + (", ..." if len(lacking) > SHOWN else "")
    return [
        f"{len(lacking)} of {len(begun)} cells have predictions and no {TRIALS} ({listed}): the tables of trials are "
        "incomplete. The run's own command computes them again from their journals."
    ]


def _spaces(described: Mapping[str, Any]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    spaces = described.get("spaces", {})
    return spaces if isinstance(spaces, Mapping) else {}


def _read(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    frame = read_table(path)
    missing = [name for name in columns if name not in frame]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}. It was written by another version.")
    return frame
