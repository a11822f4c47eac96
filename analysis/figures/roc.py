"""Mean ROC curves with joint bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing, _operating
from analysis.study.operating_points import RULES, OperatingPoint
from analysis.study.study import Study

NAME = "roc"
ORDER = 70
TITLE = "ROC curves"
POINTS = (
    " Of a binary task, where the run keeps scores of validation, marks are what thresholds fixed on them reach here: "
    "a circle by Youden's J, a triangle at 90% specificity on validation."
)
CAPTION = (
    "Mean over seeds; bands are pointwise 95%, for new seeds and patients (two-level bootstrap), and left out of more "
    f"than {_drawing.MOST_BANDS} arms. Several classes or labels are averaged, one versus rest.{POINTS}"
)
CAPTION_MODELS = (
    "Bands are pointwise 95% for new patients, the trained models held fixed (bootstrap of patients), and left out of "
    f"more than {_drawing.MOST_BANDS} arms. Several classes or labels are averaged, one versus rest.{POINTS}"
)
MARKS = dict(zip(RULES, ("o", "^"), strict=True))


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm."""

    def finish(axes: Axes, at: int) -> None:
        axes.plot([0, 1], [0, 1], color=_drawing.LINE, lw=1, zorder=0)
        axes.set_xlabel("1 - specificity")
        axes.set_ylabel("sensitivity")
        block = study.blocks[at].block
        if len(block.columns) == 1:
            _mark(axes, study.operating_points[at], _drawing.colours(block.arms))

    return _operating.draw(study, lambda curves: (curves.roc, curves.roc_se), finish)


def _mark(axes: Axes, points: Sequence[OperatingPoint], palette: Mapping[str, str]) -> None:
    """Sensitivity and specificity of the arms whose curves are drawn, a mark a rule."""
    for point in points:
        for a, arm in enumerate(point.block.arms[: _drawing.MOST_ARMS]):
            sensitivity, specificity = point.rates["sensitivity"][a][0], point.rates["specificity"][a][0]
            axes.plot(
                1 - specificity,
                sensitivity,
                MARKS[point.rule],
                color=palette[arm],
                ms=6,
                mec="white",
                mew=0.8,
                zorder=5,
            )
