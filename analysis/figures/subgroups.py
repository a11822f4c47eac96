"""AUROC of every arm in subgroups of the holdout."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.study import Study
from analysis.study.subgroups import Subgroup

NAME = "subgroups"
ORDER = 24
TITLE = "Subgroups"
CAPTION = (
    "AUROC of every arm by what the data set tells of its images, with 95% intervals; in brackets the patients. At the "
    "largest n of every data set; subgroups of fewer than 20 patients are left out. Exploratory: differences between "
    "subgroups are not tested. Numbers stand in the table 'subgroups'."
)

MOST_ARMS, MOST_PANELS = 6, 12
ROW, HEAD, MARGIN = 0.13, 0.35, 0.8  # inches: an arm, a panel's title, and the axis with the legend
STEP = 0.75  # share of a subgroup's height that its arms fill


def draw(study: Study) -> Figure | None:
    """A panel an attribute; None where nothing is known of the images."""
    panels: dict[tuple[str, str], list[Subgroup]] = {}
    for subgroup in study.subgroups:
        if subgroup.scored is not None:
            panels.setdefault((subgroup.block.title, subgroup.attribute), []).append(subgroup)
    shown = [(name, subgroups) for name, subgroups in panels.items() if len(subgroups) > 1][:MOST_PANELS]
    if not shown or len(shown[0][1][0].block.arms) > MOST_ARMS:
        return None
    heights = [HEAD + ROW * sum(len(subgroup.block.arms) + 1 for subgroup in subgroups) for _, subgroups in shown]
    figure = Figure(figsize=(7.8, MARGIN + sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(shown), 1, height_ratios=heights)
    all_axes = [figure.add_subplot(grid[place, 0]) for place in range(len(shown))]
    for ((title, attribute), subgroups), axes in zip(shown, all_axes, strict=True):
        _panel(axes, subgroups)
        axes.set_title(f"{title}: {attribute}")
    ends = [axes.get_xlim() for axes in all_axes]
    for axes in all_axes:
        axes.set_xlim(min(low for low, _ in ends), max(high for _, high in ends))
    all_axes[-1].set_xlabel("AUROC")
    _drawing.legend_below(figure, all_axes[0])
    return figure


def _panel(axes: Axes, subgroups: list[Subgroup]) -> None:
    for y, subgroup in enumerate(subgroups):
        block, scored = subgroup.block, subgroup.scored
        if scored is None:
            continue
        colours, count = _drawing.colours(block.arms), len(block.arms)
        for a, arm in enumerate(block.arms):
            place = y + STEP * ((a + 0.5) / count - 0.5)
            axes.plot(subgroup.intervals[a], [place, place], color=colours[arm], lw=1.5)
            label = arm if y == 0 else None
            marker = _drawing.MARKERS[a % len(_drawing.MARKERS)]
            axes.plot(scored.arm(a).estimate, place, marker, color=colours[arm], ms=4, label=label)
    names = [f"{subgroup.value} ({subgroup.patients})" for subgroup in subgroups]
    axes.set_yticks(range(len(names)), names, fontsize=7.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
