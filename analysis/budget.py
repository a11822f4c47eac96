"""The budget ledger: that every arm got the same, what it cost, what tuning bought, and how far it
overstates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.blocks import arm_rank
from analysis.scores import Scored
from benchmark.errors import InputError
from benchmark.results import COST_COLUMNS, COSTS, TRIAL_COLUMNS, TRIALS, read_table

if TYPE_CHECKING:
    import pandas as pd

CELL = ["dataset", "n_per_class", "arm", "seed"]


def read_trials(run: Path) -> pd.DataFrame | None:
    """Trials of all cells of a run folder with their costs, sorted; None where there are none.

    Raises:
        InputError: a table without the documented columns.
    """
    import pandas as pd

    if not run.is_dir():
        return None
    frames = []
    for path in sorted(run.glob(f"cells/*/*/*/*/{TRIALS}")):
        trials = read_table(path)
        _need(trials, TRIAL_COLUMNS, path)
        costs = path.with_name(COSTS)
        if costs.exists():
            cost = read_table(costs)
            _need(cost, COST_COLUMNS, costs)
            trials = trials.merge(cost, on=[*CELL, "trial"], how="left", validate="one_to_one")
        else:
            trials["seconds"] = trials["peak_memory_mb"] = np.nan
        frames.append(trials)
    if not frames:
        return None
    return pd.concat(frames, ignore_index=True).sort_values([*CELL, "trial"], ignore_index=True)


def _need(frame: pd.DataFrame, columns: Any, path: Path) -> None:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}. It was written by another version.")


def arms_of(trials: pd.DataFrame) -> list[tuple[tuple[str, int, str], pd.DataFrame]]:
    """((data set, n, arm), its trials) in the order of the tables."""
    found = []
    for key, part in trials.groupby(CELL[:3], sort=True):
        dataset, n, arm = cast("tuple[str, int, str]", key)
        found.append(((str(dataset), int(n), str(arm)), part))
    return sorted(found, key=lambda item: (item[0][0], item[0][1], arm_rank(item[0][2])))


def ledger(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each (data set, n, arm): trials in every cell, divergence, epochs, images, hours,
    memory."""
    import pandas as pd

    rows = []
    for (dataset, n, arm), part in arms_of(trials):
        counts = part.groupby("seed").size()
        rows.append(
            {
                "dataset": dataset,
                "n_per_class": n,
                "arm": arm,
                "cells": len(counts),
                "trials": len(part),
                "fewest_in_a_cell": int(counts.min()),
                "most_in_a_cell": int(counts.max()),
                "diverged": int((part["ended"] != "ok").sum()),
                "epochs": int(part["epochs"].sum()),
                "images_seen": int(part["images_seen"].sum()),
                "hours": part["seconds"].sum() / 3600,
                "seconds_a_trial": part["seconds"].mean(),
                "peak_memory_mb": part["peak_memory_mb"].max(),
            }
        )
    return pd.DataFrame(rows)


def optimism(trials: pd.DataFrame, scored: Sequence[Scored]) -> pd.DataFrame:
    """One row for each (data set, n, arm), means over seeds, on inner validation and on the holdout.

    `tuning_gain` is the best trial's validation value minus trial 0's, the arm's published default: what
    tuning seems to buy. `optimism` is the best validation value minus the holdout value of the refitted
    model: how much of that is too good to be true. Both in the tuned metric, which must be that of `scored`.
    """
    import pandas as pd

    rows = []
    for each in scored:
        block = each.block
        for a, arm in enumerate(block.arms):
            here = (trials["dataset"] == block.dataset) & (trials["n_per_class"] == block.n_per_class)
            mine = trials[here & (trials["arm"] == arm) & trials["seed"].isin(block.seeds)]
            if mine.empty:
                continue
            best = mine.groupby("seed")["value"].max()
            default = mine[mine["trial"] == 0].set_index("seed")["value"]
            holdout = pd.Series(each.values[a], index=list(block.seeds))
            gap = best - holdout
            rows.append(
                {
                    "dataset": block.dataset,
                    "n_per_class": block.n_per_class,
                    "arm": arm,
                    "seeds": len(best),
                    "default_validation": default.mean(),
                    "best_validation": best.mean(),
                    "tuning_gain": (best - default).mean(),
                    "holdout": holdout.mean(),
                    "optimism": gap.mean(),
                    "optimism_sd": gap.std(ddof=1),
                    "default_was_best": int((best == default).sum()),
                }
            )
    return pd.DataFrame(rows)


def unequal(ledger_frame: pd.DataFrame) -> str | None:
    """A sentence on cells with different numbers of trials; None where the budget was met by all."""
    counts = {*ledger_frame["fewest_in_a_cell"], *ledger_frame["most_in_a_cell"]}
    if len(counts) == 1:
        return None
    return (
        f"The cells do not have the same number of trials ({min(counts)} to {max(counts)}): the comparison "
        "of the arms is not one of equal budgets."
    )
