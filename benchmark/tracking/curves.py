"""A trial's curves as MLflow shows them: the mean over folds at every epoch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.results import CURVES, read_table

MOST_POINTS = 400  # of a curve: MLflow takes 1,000 values in one batch

Row = Mapping[str, Any]


def curves_of(folder: Path) -> dict[int, list[Row]]:
    """Trial number -> its rows of a cell's curves table; empty where an older version wrote the cell."""
    rows: dict[int, list[Row]] = defaultdict(list)
    if (folder / CURVES).exists():
        for row in read_table(folder / CURVES).to_dict("records"):
            rows[int(row["trial"])].append({str(name): value for name, value in row.items()})
    return rows


def by_epoch(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """Metric's name -> epoch -> its mean over the folds that have it; values that are not finite are left out."""
    losses = ((epoch, loss) for row in rows for epoch, loss in enumerate(row["losses"], 1))
    values = (point for row in rows for point in zip(row["checked"], row["values"], strict=True))
    return {"train_loss": _thinned(_means(losses)), "validation": _means(values)}


def _means(points: Iterable[tuple[int, float]]) -> dict[int, float]:
    at_epoch: dict[int, list[float]] = defaultdict(list)
    for epoch, value in points:
        if math.isfinite(value):
            at_epoch[int(epoch)].append(float(value))
    means = ((epoch, sum(values) / len(values)) for epoch, values in sorted(at_epoch.items()))
    return {epoch: float(f"{mean:.6g}") for epoch, mean in means}  # the same from a trial as from its table of float32


def _thinned(points: dict[int, float]) -> dict[int, float]:
    """Evenly spaced epochs, and the last, where there are more than fit into a batch."""
    step = math.ceil(len(points) / MOST_POINTS)
    kept = list(points)[:: max(1, step)] + list(points)[-1:]
    return {epoch: points[epoch] for epoch in kept}
