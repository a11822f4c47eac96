"""Default and best validation value, and the holdout value, of every arm."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.optimism import optimism
from analysis.study.study import Study

NAME = "optimism"
ORDER = 60
TITLE = "What tuning bought, and what it overstates"
CAPTION = (
    "From the published default to the best trial on inner validation, and the holdout value after the refit; means "
    "over seeds, in the tuned metric."
)

KINDS = (
    ("validation, published default", "o", _drawing.PALE_BLUE),
    ("validation, best trial", "o", _drawing.BLUE),
    ("holdout", "D", _drawing.ORANGE),
)


def draw(study: Study) -> Figure | None:
    """A row an arm; None without trials."""
    arms = list(optimism(study))
    if study.trials is None or not arms:
        return None
    figure, axes = _drawing.rows(len(arms), height=0.3, margin=1.0)
    for y, arm in enumerate(arms):
        values = [arm.default_validation, arm.best_validation, arm.holdout]
        axes.plot([min(values), max(values)], [y, y], color=_drawing.LINE, lw=2, zorder=1)
        for value, (name, marker, colour) in zip(values, KINDS, strict=True):
            axes.plot(value, y, marker, color=colour, ms=6, ls="none", label=name if y == 0 else None)
    axes.set_yticks(range(len(arms)), [f"{arm.arm}   {arm.dataset}, n = {arm.n_per_class}" for arm in arms])
    axes.set_xlabel(study.trials.metric.label)
    _drawing.legend_below(figure, axes)
    return figure
