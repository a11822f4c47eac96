"""Mean precision-recall curves with joint bands."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _operating
from analysis.study.study import Study

NAME = "precision_recall"
ORDER = 80
TITLE = "Precision-recall curves"
CAPTION = "As above. Precision depends on the holdout's prevalence and does not carry over to another one."


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm."""
    return _operating.draw(study, lambda curves: (curves.precision, curves.precision_se), _finish)


def _finish(axes: Axes, at: int) -> None:
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
