"""The best validation value so far, against the number of trials."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import _best_so_far
from analysis.study.incumbents import Incumbents
from analysis.study.study import Study

NAME = "best_so_far_trials"
ORDER = 40
TITLE = "Best so far, by trials"
CAPTION = (
    "Validation value of the trial that would be chosen, mean over seeds with a 95% band. It improves by selection "
    "alone and overstates the holdout: see the optimism below."
)

Floats = npt.NDArray[np.float64]


def draw(study: Study) -> Figure | None:
    """A panel a block; None without trials."""
    if study.trials is None:
        return None
    return _best_so_far.draw(study.trials, _points, _finish)


def _points(arm: Incumbents) -> tuple[Floats, Floats]:
    return np.arange(1, arm.values.shape[1] + 1, dtype=np.float64), arm.values


def _finish(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("finished trials")
