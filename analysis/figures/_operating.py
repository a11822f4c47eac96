"""Curves with pointwise bands on the unit square, for the ROC and the precision-recall figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.operating import GRID, Curves, Z
from analysis.study.study import Study

Floats = npt.NDArray[np.float64]


def draw(
    study: Study, values: Callable[[Curves], tuple[Floats, Floats]], finish: Callable[[Axes, int], None]
) -> Figure:
    """A panel a block, a curve an arm.

    Args:
        study: with its curves.
        values: a block's curves to (A, 101) means and their standard errors.
        finish: an axes and the number of its block, to set labels.
    """
    figure, all_axes = _drawing.panels(len(study.scored), height=3.3)
    for at, (scored, curves, axes) in enumerate(zip(study.scored, study.operating_curves, all_axes, strict=True)):
        palette = _drawing.colours(scored.block.arms)
        mean, se = values(curves)
        for a, arm in enumerate(scored.block.arms[: _drawing.MOST_ARMS]):
            low, high = np.clip(mean[a] - Z * se[a], 0, 1), np.clip(mean[a] + Z * se[a], 0, 1)
            if len(scored.block.arms) <= _drawing.MOST_BANDS:
                axes.fill_between(GRID, low, high, color=palette[arm], alpha=0.13, lw=0)
            axes.plot(GRID, mean[a], color=palette[arm], lw=1.4, label=arm)
        _drawing.square(axes)
        axes.set_title(_drawing.title(scored))
        finish(axes, at)
    _drawing.legend_below(figure, all_axes[0])
    return figure
