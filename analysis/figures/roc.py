"""Mean ROC curves with joint bands."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing, _operating
from analysis.study.study import Study

NAME = "roc"
ORDER = 70
TITLE = "ROC curves"
CAPTION = (
    "Mean over seeds; bands are pointwise 95%, for new seeds and patients (two-level bootstrap), and left out of more "
    f"than {_drawing.MOST_BANDS} arms. Several classes or labels are averaged, one versus rest."
)
CAPTION_MODELS = (
    "Bands are pointwise 95% for new patients, the trained models held fixed (bootstrap of patients), and left out of "
    f"more than {_drawing.MOST_BANDS} arms. Several classes or labels are averaged, one versus rest."
)


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm."""
    return _operating.draw(study, lambda curves: (curves.roc, curves.roc_se), _finish)


def _finish(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=_drawing.LINE, lw=1, zorder=0)
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
