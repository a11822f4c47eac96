"""Observed rates against predicted probabilities."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study import operating
from analysis.study.study import Study

NAME = "reliability"
ORDER = 90
TITLE = "Reliability"
CAPTION = (
    "Observed rate against mean predicted probability in ten bins of equal size, mean over seeds. On the diagonal, "
    "probabilities mean what they say."
)


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm."""
    figure, all_axes = _drawing.panels(len(study.scored), height=3.3)
    for scored, axes in zip(study.scored, all_axes, strict=True):
        palette = _drawing.colours(scored.block.arms)
        axes.plot([0, 1], [0, 1], color=_drawing.LINE, lw=1.2, zorder=0)
        for a, arm in enumerate(scored.block.arms[: _drawing.MOST_ARMS]):
            predicted, observed = operating.reliability(scored.block, a)
            axes.plot(predicted, observed, color=palette[arm], marker="o", ms=3.5, lw=1.2, label=arm)
        _drawing.square(axes)
        axes.set_title(_drawing.title(scored))
        axes.set_xlabel("mean predicted probability")
        axes.set_ylabel("observed rate")
    _drawing.legend_below(figure, all_axes[0])
    return figure
