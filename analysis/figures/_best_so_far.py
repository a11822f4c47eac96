"""Validation value of the best trial so far, for the figures against trials and against time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.incumbents import Incumbents, band, incumbents
from analysis.study.trials import Trials

Floats = npt.NDArray[np.float64]


def draw(
    trials: Trials, points: Callable[[Incumbents], tuple[Floats, Floats]], finish: Callable[[Axes], None]
) -> Figure:
    """A panel a block, a curve an arm.

    Args:
        trials: of the run.
        points: an arm's incumbents to (T,) places and (S, T) values.
        finish: an axes, to set its x axis.
    """
    curves = incumbents(trials)
    blocks = list(dict.fromkeys((dataset, n) for dataset, n, _ in curves))
    figure, all_axes = _drawing.panels(len(blocks))
    for (dataset, n), axes in zip(blocks, all_axes, strict=True):
        arms = [key[2] for key in curves if key[:2] == (dataset, n)]
        palette = _drawing.colours(arms)
        for arm in arms[: _drawing.MOST_ARMS]:
            x, values = points(curves[dataset, n, arm])
            mean, low, high = band(values)
            axes.fill_between(x, *np.clip((low, high), *trials.metric.range), color=palette[arm], alpha=0.13, lw=0)
            marker = "o" if x[0] == x[-1] else None  # a curve of one point
            axes.plot(x, mean, color=palette[arm], lw=1.5, marker=marker, ms=4, label=arm)
        finish(axes)
        axes.set_ylabel(f"best validation {trials.metric.label}")
        axes.set_title(f"{dataset}, n = {n}")
        axes.grid(axis="y")
    _drawing.same_y(all_axes, [dataset for dataset, _ in blocks])
    _drawing.legend_below(figure, all_axes[0])
    return figure
