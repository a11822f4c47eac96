"""The budget ledger: that every arm got the same, what it cost, what tuning bought, and how far it overstates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.results import COSTS, TRIALS, read_table

if TYPE_CHECKING:
    import pandas as pd

    from analysis.scores import Scored

CELL = ["dataset", "n_per_class", "seed", "arm"]


def read_trials(run: Path) -> pd.DataFrame | None:
    """Trials of all cells of a run folder, with their costs; None where there are none."""
    import pandas as pd

    frames = []
    for path in sorted(run.glob(f"cells/*/*/*/*/{TRIALS}")):
        trials = read_table(path)
        costs = path.with_name(COSTS)
        if costs.exists():
            trials = trials.merge(read_table(costs), on=[*CELL, "trial"], how="left")
        else:
            trials[["seconds", "peak_memory_mb"]] = np.nan
        frames.append(trials)
    return pd.concat(frames, ignore_index=True) if frames else None


def budget_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each (data set, n, arm): trials in every cell, epochs, images seen, hours, memory, divergence."""
    import pandas as pd

    rows = []
    for (dataset, n, arm), part in trials.groupby(["dataset", "n_per_class", "arm"], sort=True):
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
                "peak_memory_mb": part["peak_memory_mb"].max(),
            }
        )
    return pd.DataFrame(rows)


def optimism_table(trials: pd.DataFrame, scored: list[Scored]) -> pd.DataFrame:
    """One row for each (data set, n, arm), means over seeds: the default's and the best trial's validation value.

    `gain` is what tuning bought on validation; `optimism` is the best validation value minus the holdout's.
    """
    import pandas as pd

    rows = []
    for each in scored:
        block = each.block
        for a, arm in enumerate(block.arms):
            mine = trials[
                (trials["dataset"] == block.dataset)
                & (trials["n_per_class"] == block.n_per_class)
                & (trials["arm"] == arm)
            ]
            if mine.empty:
                continue
            best = mine.groupby("seed")["value"].max()
            default = mine[mine["trial"] == 0].set_index("seed")["value"]
            holdout = pd.Series(each.values[a], index=list(block.seeds))
            rows.append(
                {
                    "dataset": block.dataset,
                    "n_per_class": block.n_per_class,
                    "arm": arm,
                    "default_validation": default.mean(),
                    "best_validation": best.mean(),
                    "gain": (best - default).mean(),
                    "holdout": holdout.mean(),
                    "optimism": (best - holdout).mean(),
                }
            )
    return pd.DataFrame(rows)


def incumbents(trials: pd.DataFrame) -> dict[tuple[str, int, str], np.ndarray]:
    """(data set, n, arm) -> (S, T) best validation value so far, after each trial, a row a seed."""
    found = {}
    for key, part in trials.sort_values("trial").groupby(["dataset", "n_per_class", "arm"], sort=True):
        values = part.pivot(index="seed", columns="trial", values="value").to_numpy()
        found[(str(key[0]), int(key[1]), str(key[2]))] = np.maximum.accumulate(values, axis=1)
    return found
