"""Every arm on its own holdout and on the test sets from elsewhere."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.intervals import arm_interval
from analysis.study.study import Study

NAME = "external"
ORDER = 15
TITLE = "On the own holdout, and elsewhere"
CAPTION = (
    "Every arm's mean over training seeds with its joint 95% interval: open, on the own holdout; filled, on the test "
    "set from elsewhere, which nothing was tuned on. The line between them is the drop; its own interval stands in the "
    "table 'external_drop'."
)


def draw(study: Study) -> Figure | None:
    """A row an arm under the title of its test set; None without any."""
    if not study.elsewhere:
        return None
    figure, axes = _drawing.rows(sum(len(there.arms) + 1 for there in study.elsewhere), height=0.36)
    colours = _drawing.colours(list(dict.fromkeys(arm for there in study.elsewhere for arm in there.arms)))
    ticks: list[float] = []
    labels: list[str] = []
    y = 0
    for there in study.elsewhere:
        place = axes.get_yaxis_transform()
        axes.text(0.005, y, _drawing.title(there.scored), transform=place, weight="bold", va="center", fontsize=8.5)
        y += 1
        for a, arm in enumerate(there.arms):
            ends = [there.own.values[a].mean(), there.scored.values[a].mean()]
            axes.plot(ends, [y - 0.14, y + 0.14], color=_drawing.FAINT, lw=1.2, zorder=1)
            for scored, offset, name in ((there.own, -0.14, "own holdout"), (there.scored, 0.14, "elsewhere")):
                own, first = scored is there.own, not ticks
                axes.plot(arm_interval(scored, a), [y + offset] * 2, color=colours[arm], lw=1.4, zorder=2)
                axes.plot(
                    scored.values[a].mean(),
                    y + offset,
                    "o",
                    color="white" if own else colours[arm],
                    mec=colours[arm],
                    ms=5,
                    zorder=3,
                    label=name if first else None,
                )
            ticks.append(y)
            labels.append(arm)
            y += 1
    axes.set_yticks(ticks, labels)
    axes.set_xlabel(study.primary.label)
    _drawing.legend_below(figure, axes)
    return figure
