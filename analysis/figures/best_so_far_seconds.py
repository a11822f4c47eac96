"""The best validation value so far, against the time spent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _best_so_far, _drawing
from analysis.study.incumbents import Incumbents
from analysis.study.study import Study

NAME = "best_so_far_seconds"
ORDER = 50
TITLE = "Best so far, by time"
CAPTION = (
    "The same against the device-seconds spent on training trials, until the slowest seed has spent its budget; a seed "
    "that has spent its own stays where it ended."
)

POINTS = 80  # of a curve

Floats = npt.NDArray[np.float64]


def draw(study: Study) -> Figure | None:
    """A panel a block; None without trials, or where some trial's cost is unknown."""
    if study.trials is None or study.trials.frame["seconds"].isna().any():
        return None
    return _best_so_far.draw(study.trials, _points, _finish)


def _points(arm: Incumbents) -> tuple[Floats, Floats]:
    """From when every seed has a first trial, until the last one has spent its budget."""
    x = np.geomspace(arm.seconds[:, 0].max(), arm.seconds[:, -1].max(), POINTS)
    x[-1] = arm.seconds[:, -1].max()  # not a rounding before it
    return x, arm.at(x)


def _finish(axes: Axes) -> None:
    axes.set_xscale("log")
    _drawing.plain_log_ticks(axes.xaxis)
    axes.set_xlabel("device-seconds spent")
