"""Training loss and validation value of the best trials by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.study import Study
from analysis.study.training_curves import CHECKED, SHARES, Floats, TrainingCurves, training_curves

NAME = "training_curves"
ORDER = 65
TITLE = "Training curves"
CAPTION = (
    "The best trial of every cell, by the share of its epochs (they differ between cells): left the training loss, as "
    "it is trained on (augmented, mixed, labels smoothed), so that its height is not comparable between settings; "
    "right the tuned metric on the inner validation, at the epochs that were checked. Lines are means over the seeds "
    "of the means over folds, bands one standard deviation over the seeds. A row a block, the largest n of every data "
    "set."
)

WIDTH, HEIGHT = 7.8, 2.6  # inches of a row
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))  # told apart in grey print


def draw(study: Study) -> Figure | None:
    """Two panels a data set; None where no curves were kept."""
    if study.trials is None:
        return None
    largest = {member.block.dataset: member.block.n_per_class for member in study.blocks}
    blocks: dict[str, list[TrainingCurves]] = {}
    for curves in training_curves(study.trials):
        if curves.n_per_class == largest.get(curves.dataset):
            blocks.setdefault(curves.dataset, []).append(curves)
    if not blocks:
        return None
    figure = Figure(figsize=(WIDTH, HEIGHT * len(blocks) + 0.3), layout="constrained")
    axes = figure.subplots(len(blocks), 2, squeeze=False)
    for (dataset, arms), (left, right) in zip(blocks.items(), axes, strict=True):
        palette = _drawing.colours([curves.arm for curves in arms])
        for number, curves in enumerate(arms[: _drawing.MOST_ARMS]):
            look: dict[str, Any] = {"color": palette[curves.arm], "ls": DASHES[number % len(DASHES)]}
            _line(left, SHARES, curves.losses, look, curves.arm)
            marker = {"marker": _drawing.MARKERS[number % len(_drawing.MARKERS)], "ms": 3.5}
            _line(right, np.array(CHECKED), curves.values, look | marker, curves.arm)
        left.set_title(f"{dataset}, n = {largest[dataset]}")
        left.set_ylabel("training loss")
        right.set_ylabel(f"validation {study.trials.metric.label}")
        for panel in (left, right):
            panel.set_xlabel("share of the epochs")
            panel.grid(axis="y")
    _drawing.legend_below(figure, axes[0, 0])
    return figure


def _line(axes: Axes, x: Floats, values: Floats, look: dict[str, Any], label: str) -> None:
    """The mean over the seeds that have a value, and a band where two have."""
    counts = (~np.isnan(values)).sum(axis=0)
    there = counts > 0
    if not there.any():
        return
    values, x, counts = values[:, there], x[there], counts[there]
    mean = np.nanmean(values, axis=0)
    squares = np.nansum((values - mean) ** 2, axis=0)
    sd = np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), np.nan)
    axes.fill_between(x, mean - sd, mean + sd, color=look["color"], alpha=0.13, lw=0)
    axes.plot(x, mean, lw=1.4, label=label, **look)
