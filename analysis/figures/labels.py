"""AUROC of every arm on every class or label by itself."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import _drawing
from analysis.study.intervals import arm_interval
from analysis.study.labels import OfLabel
from analysis.study.study import Study

NAME = "labels"
ORDER = 22
TITLE = "Every class or label by itself"
CAPTION = (
    "AUROC of each class or label against the rest with its 95% interval; arms in the order of their mean over the "
    "labels, the best on top, and in the title the patients that have the label. Exploratory; numbers stand in the "
    "table 'labels'."
)

COLUMNS = 5
MOST_PANELS = 40
ROW, MARGIN = 0.19, 0.75  # inches: an arm, and a panel's title and axis


def draw(study: Study) -> Figure | None:
    """A panel a label; None where every task is binary, or there are too many labels to look at."""
    labels = [label for of_block in study.labels for label in of_block]
    if not labels or len(labels) > MOST_PANELS:
        return None
    arms = max(len(label.block.arms) for label in labels)
    columns = min(COLUMNS, len(study.labels[0]) or COLUMNS)
    figure, all_axes = _drawing.panels(len(labels), width=9.0 / columns, height=MARGIN + ROW * arms, most=columns)
    ends = [arm_interval(label.scored, a) for label in labels for a in range(len(label.block.arms))]
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    for label, axes in zip(labels, all_axes, strict=True):
        mean = np.mean([other.scored.values.mean(axis=1) for other in labels if other.block is label.block], axis=0)
        order = np.argsort(-mean, kind="stable")
        for y, a in enumerate(order):
            axes.plot(arm_interval(label.scored, int(a)), [y, y], color=_drawing.BLUE, lw=1.4)
            axes.plot(label.scored.values[a].mean(), y, "o", color="white", mec=_drawing.INK, ms=3.5)
        place = axes.get_subplotspec()
        first = place is not None and place.is_first_col()
        axes.set_yticks(range(len(order)), [label.block.arms[a] for a in order] if first else [""] * len(order))
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
        axes.tick_params(axis="y", length=0, labelsize=7.5)
        axes.tick_params(axis="x", labelsize=7.5)
        axes.grid(axis="x")
        axes.set_title(_title(label, len(study.labels)), fontsize=8)
    return figure


def _title(label: OfLabel, blocks: int) -> str:
    name = f"{label.name} ({label.patients})"
    return f"{name}\n{label.block.title}" if blocks > 1 else name
