"""The budget ledger: that every arm got the same, and what it cost."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study

NAME = "budget"
ORDER = 160
CHAPTER = "Budget"
TITLE = "Budget ledger"
CAPTION = (
    "Finished trials, cost and divergence of every arm: the comparison is fair only if fewest and most are equal. "
    "Trials and their range of epochs are equal; the epochs that were chosen, the images and the device-seconds need "
    "not be, and the table 'equal_seconds' compares at equal device-seconds."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm: trials in every cell, divergence, epochs, images, seconds, memory; None without trials."""
    if study.trials is None:
        return None
    rows = []
    for (dataset, n, arm), part in study.trials.by_arm():
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
                "device_seconds": part["seconds"].sum(),
                "seconds_a_trial": part["seconds"].mean(),
                "peak_memory_mb": part["peak_memory_mb"].max(),
            }
        )
    return pd.DataFrame(rows)
