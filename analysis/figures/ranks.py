"""The arms in order: their values with intervals, and the ranks that the data leave open to them."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import _drawing
from analysis.study.intervals import arm_interval
from analysis.study.rankings import Ranked
from analysis.study.scores import Scored
from analysis.study.study import Study

NAME = "ranks"
ORDER = 5
TITLE = "Ranks, and how sure they are"
CAPTION = (
    "Left: every arm with its own 95% interval. Right: its rank (1 is best), and as a bar the ranks that the data "
    "leave open to it, 95% for all arms of this page together, from the simultaneous intervals of all differences. "
    "Arms are paired by patient: bars on the right may be apart although intervals on the left overlap."
)

ROW, MARGIN = 0.24, 0.85  # inches: an arm, and a block's title and axis


def draw(study: Study) -> Figure | None:
    """Two panels a block; None where no block has three arms that are tested."""
    blocks = [(scored, ranked) for scored in study.scored if (ranked := study.rankings(scored))]
    if not blocks:
        return None
    heights = [MARGIN + ROW * len(ranked) for _, ranked in blocks]
    figure = Figure(figsize=(7.8, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(blocks), 2, height_ratios=heights, width_ratios=(1.15, 1))
    for row, (scored, ranked) in enumerate(blocks):
        left = figure.add_subplot(grid[row, 0])
        _values(left, scored, ranked)
        _places(figure.add_subplot(grid[row, 1], sharey=left), ranked)
    return figure


def _values(axes: Axes, scored: Scored, ranked: list[Ranked]) -> None:
    for y, arm in enumerate(ranked):
        axes.plot(arm_interval(scored, arm.a), [y, y], color=_drawing.BLUE, lw=1.6)
        axes.plot(scored.values[arm.a].mean(), y, "o", color="white", mec=_drawing.INK, ms=4.5)
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.set_yticks(range(len(ranked)), [arm.arm for arm in ranked])
    axes.tick_params(axis="y", length=0, labelcolor=_drawing.INK)
    axes.grid(axis="x")
    axes.set_title(_drawing.title(scored))
    axes.set_xlabel(scored.metric.label)


def _places(axes: Axes, ranked: list[Ranked]) -> None:
    for y, arm in enumerate(ranked):
        axes.barh(y, arm.worst - arm.best + 0.7, left=arm.best - 0.35, height=0.62, color=_drawing.PALE_BLUE, lw=0)
        axes.plot(arm.rank, y, "o", color=_drawing.INK, ms=4)
        axes.annotate(
            arm.places,
            (arm.worst + 0.35, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=_drawing.SOFT,
        )
    axes.set_xlim(0.4, len(ranked) * 1.1 + 0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.grid(axis="x")
    axes.set_xlabel("rank")
