"""Confusion matrices, a panel an arm."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.predictions.block import Block
from analysis.study.confusion import Floats, confusion, row_shares
from analysis.study.study import Study

NAME = "confusion"
ORDER = 85
TITLE = "Confusion matrices"
CAPTION = (
    "Share of the images of each true class (row) that are given each class (column), mean over seeds and refits: rows "
    "add up to 1. An image is given the class of its largest probability, a rule set beforehand. A row of panels a "
    "data set, at its largest n. Numbers, every n and several labels stand in the table 'confusion'."
)

MOST_CLASSES, MOST_ARMS = 15, 6  # that can be read
SIDE, CELL, MARGIN = 1.5, 0.34, 0.9  # inches: a panel at least, a class, and names


def draw(study: Study) -> Figure | None:
    """A row of panels a data set; None where every data set has labels, or too many classes or arms."""
    largest: dict[str, Block] = {}
    for member in study.blocks:
        block = member.block
        if block.task != "multilabel" and len(block.classes) <= MOST_CLASSES and len(block.arms) <= MOST_ARMS:
            largest[block.dataset] = block
    if not largest:
        return None
    columns = max(len(block.arms) for block in largest.values())
    sides = [max(SIDE, CELL * len(block.classes)) for block in largest.values()]
    size = MARGIN + max(sides) * columns + 0.2 * columns, sum(side + MARGIN for side in sides)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(len(largest), columns, height_ratios=[side + MARGIN for side in sides])
    for row, block in enumerate(largest.values()):
        shares = row_shares(confusion(block)[:, :, 0]).mean(axis=1)
        for a, arm in enumerate(block.arms):
            axes = figure.add_subplot(grid[row, a])
            _panel(axes, shares[a], block.classes, f"{block.title}\ntrue class" if a == 0 else None)
            axes.set_title(arm)
    return figure


def _panel(axes: Axes, shares: Floats, classes: tuple[str, ...], names: str | None) -> None:
    """One matrix; of the first in its row the classes are named."""
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for truth, given in np.ndindex(shares.shape):
        share = shares[truth, given]
        text = f"{share:.2f}".lstrip("0") if share < 1 else "1"
        colour = "white" if share > 0.55 else _drawing.INK
        axes.text(given, truth, text, ha="center", va="center", fontsize=7, color=colour)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)
    axes.set_yticks(places, classes if names is not None else [""] * len(classes), fontsize=7.5)
    axes.tick_params(length=0)
    axes.set_xlabel("given class")
    if names is not None:
        axes.set_ylabel(names)
    for spine in axes.spines.values():
        spine.set_visible(False)
