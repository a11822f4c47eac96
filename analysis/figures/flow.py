"""The flow of the data as a diagram."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.flow import Step, flow
from analysis.study.study import Study

NAME = "flow"
ORDER = 120
TITLE = "Flow of the data"
CAPTION = (
    "From what was indexed to what was predicted: images, and in brackets patients or lesions. Of training samples the "
    "smallest over the seeds. Numbers stand in the table 'flow'."
)

WIDTH, ROW = 7.8, 0.5  # inches
SPLIT = ("indexed", "left out: unreadable", "analysed")  # steps before pool and holdout part


def draw(study: Study) -> Figure | None:
    """A diagram a data set, one under the other; None without a run's folder."""
    by_dataset: dict[str, list[Step]] = {}
    for step in flow(study):
        by_dataset.setdefault(step.dataset, []).append(step)
    if not by_dataset:
        return None
    rows = [2 + len(steps) - len(SPLIT) - 1 for steps in by_dataset.values()]
    figure = Figure(figsize=(WIDTH, sum(ROW * (count + 0.6) for count in rows)), layout="constrained")
    grid = figure.add_gridspec(len(rows), 1, height_ratios=[count + 0.6 for count in rows])
    for place, (dataset, steps) in enumerate(by_dataset.items()):
        axes = figure.add_subplot(grid[place, 0])
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(rows[place] - 0.5, -0.5)
        axes.set_title(dataset)
        _diagram(axes, steps)
    return figure


def _diagram(axes: Axes, steps: list[Step]) -> None:
    named = {step.step: step for step in steps}
    learnt = [step for step in steps if step.step not in SPLIT][:-1]
    _arrow(axes, (0.5, 0.2), (0.5, 0.8))
    _box(axes, 0.5, 0, named["indexed"])
    if named["left out: unreadable"].images:
        _box(axes, 0.83, 0.5, named["left out: unreadable"])
        _arrow(axes, (0.5, 0.5), (0.68, 0.5))
    _arrow(axes, (0.5, 1), (0.26, 1.78))
    _arrow(axes, (0.5, 1), (0.74, 1.78))
    _box(axes, 0.5, 1, named["analysed"])
    for place, step in enumerate(learnt):
        if place:
            _arrow(axes, (0.26, 1.22 + place), (0.26, 1.78 + place))
        _box(axes, 0.26, 2 + place, step)
    _box(axes, 0.74, 2, steps[-1])


def _box(axes: Axes, x: float, y: float, step: Step) -> None:
    patients = "" if step.groups is None else f" ({step.groups:,})"
    axes.text(
        x, y, f"{step.step}: {step.images:,}{patients}", ha="center", va="center", fontsize=8.5,
        bbox={"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": _drawing.FAINT},
    )  # fmt: skip


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": _drawing.SOFT, "lw": 0.9})
