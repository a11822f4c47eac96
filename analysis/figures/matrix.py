"""All pairs of many arms: the difference as colour and number, the verdict as a mark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.comparison import Comparison
from analysis.study.scores import Scored
from analysis.study.study import Study

NAME = "matrix"
ORDER = 15
TITLE = "All pairs of arms"
CAPTION = (
    "Row minus column; arms from best to worst mean. Blue: the row is better, orange: worse, in the metric's "
    "direction. ▲ the row is better, ▼ worse, ≈ equivalent within the margin (the verdicts of the table 'pairwise'); "
    "without a mark: inconclusive, or not tested. Drawn where a block has more pairs than the forest plot shows."
)

NUMBERED = 20  # arms, up to which the cells hold numbers
MARKS = {"better": "▲", "worse": "▼", "equivalent": "≈"}
MIRRORED = {"better": "worse", "worse": "better"}
SHADES = LinearSegmentedColormap.from_list("verdict", [_drawing.ORANGE, "#ffffff", _drawing.BLUE])

Floats = npt.NDArray[np.float64]


def draw(study: Study) -> Figure | None:
    """A panel a block with many pairs; None where there is none."""
    crowded = [scored for scored in study.scored if _drawing.too_many(scored)]
    if not crowded:
        return None
    arms = max(len(scored.block.arms) for scored in crowded)
    side = 1.6 + 0.52 * min(arms, NUMBERED) + 0.16 * max(arms - NUMBERED, 0)
    figure, all_axes = _drawing.panels(len(crowded), width=side, height=side, most=2 if arms <= 6 else 1)
    largest = max(float(np.ptp(scored.values.mean(axis=1))) for scored in crowded)
    for scored, axes in zip(crowded, all_axes, strict=True):
        _panel(axes, scored, study.comparisons_of(scored), largest or 1.0)
    figure.suptitle(f"row minus column, {study.primary.label}", fontsize=9, color=_drawing.SOFT, x=0.01, ha="left")
    return figure


def _panel(axes: Axes, scored: Scored, comparisons: list[Comparison], largest: float) -> None:
    order = np.argsort(-scored.metric.sign * scored.values.mean(axis=1), kind="stable")
    place = {int(a): at for at, a in enumerate(order)}
    differences = np.full((len(order), len(order)), np.nan)
    for comparison in comparisons:
        a, b = place[comparison.a], place[comparison.b]
        differences[b, a], differences[a, b] = comparison.estimate, -comparison.estimate
    axes.imshow(scored.metric.sign * differences, cmap=SHADES, vmin=-largest, vmax=largest)
    if len(order) <= NUMBERED:
        for comparison in comparisons:
            a, b = place[comparison.a], place[comparison.b]
            _write(axes, b, a, comparison.estimate, comparison.verdict, largest)
            mirrored = MIRRORED.get(comparison.verdict, comparison.verdict)
            _write(axes, a, b, -comparison.estimate, mirrored, largest)
    names = [scored.block.arms[a] for a in order]
    axes.set_xticks(range(len(order)), names, rotation=90, fontsize=7.5)
    axes.set_yticks(range(len(order)), names, fontsize=7.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(_drawing.title(scored))


def _write(axes: Axes, row: int, column: int, difference: float, verdict: str, largest: float) -> None:
    """The number of a cell, and below it the mark of its verdict."""
    ink = "white" if abs(difference) > 0.75 * largest else _drawing.INK
    number = f"{difference:+.3f}"
    if number[1:3] == "0.":
        number = number[0] + number[2:]
    axes.text(column, row - 0.12, number, ha="center", va="center", fontsize=6.5, color=ink)
    if verdict in MARKS:
        axes.text(column, row + 0.25, MARKS[verdict], ha="center", va="center", fontsize=7, color=ink)
