"""The metric of every arm against the number of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.intervals import arm_interval
from analysis.study.scores import Scored
from analysis.study.study import Study

NAME = "learning_curve"
ORDER = 30
TITLE = "Against the number of labels"
CAPTION = "Mean over seeds with the 95% interval."


def draw(study: Study) -> Figure | None:
    """A panel a data set; None where none has two n."""
    by_dataset: dict[str, list[Scored]] = {}
    for scored in study.scored:
        by_dataset.setdefault(scored.block.dataset, []).append(scored)
    curves = {dataset: family for dataset, family in by_dataset.items() if len(family) > 1}
    if not curves:
        return None
    figure, all_axes = _drawing.panels(len(curves))
    for (dataset, family), axes in zip(curves.items(), all_axes, strict=True):
        _panel(axes, family)
        axes.set_title(dataset)
        axes.set_xlabel("labelled images per class")
        axes.set_ylabel(study.primary.label)
        axes.grid(axis="y")
    _drawing.legend_below(figure, all_axes[0])
    return figure


def _panel(axes: Axes, family: Sequence[Scored]) -> None:
    """The curves of one data set, from its blocks by n; an arm's curve has the n that have the arm."""
    arms = family[0].block.arms
    for i, (arm, colour) in enumerate(_drawing.colours(arms).items()):
        points = [
            (scored.block.n_per_class, scored.values[a].mean(), *arm_interval(scored, a))
            for scored in family
            if arm in scored.block.arms
            for a in [scored.block.arms.index(arm)]
        ]
        n, mean, low, high = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
        axes.errorbar(
            n * 1.025 ** (i - (len(arms) - 1) / 2),  # beside one another
            mean,
            [mean - low, high - mean],
            color=colour,
            marker="o",
            ms=4,
            lw=1.4,
            elinewidth=1,
            label=arm,
        )
    axes.set_xscale("log")
    sizes = [scored.block.n_per_class for scored in family]
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
