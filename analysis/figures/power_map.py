"""The smallest detectable difference over seeds and patients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from analysis.figures import _drawing
from analysis.statistics.power import detectable_with
from analysis.study.comparison import Comparison
from analysis.study.study import Study

NAME = "power_map"
ORDER = 110
TITLE = "Buy seeds or buy patients?"
CAPTION = (
    "Smallest true difference that would be found with 80% power, corrected for the number of comparisons, for the "
    "last arm against the first; the circle is this study. Where contours run upright, more patients do not help; "
    "where they lie flat, more seeds do not."
)

SEEDS = np.array([2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50])
FACTORS = np.geomspace(0.5, 10, 13)  # of the holdout's patients

Floats = npt.NDArray[np.float64]


def draw(study: Study) -> Figure | None:
    """A panel a block, for its first arm against its last; None where no block has two seeds and two arms.

    None, too, where the trained models are held fixed: more seeds would be other models.
    """
    if study.estimand == "models":
        return None
    widest = [
        max(study.comparisons_of(scored), key=lambda comparison: comparison.b - comparison.a)
        for scored in study.scored
        if len(scored.block.seeds) > 1 and len(scored.block.arms) > 1
    ]
    if not widest:
        return None
    figure, all_axes = _drawing.panels(len(widest))
    for comparison, axes in zip(widest, all_axes, strict=True):
        _panel(axes, comparison)
    return figure


def _panel(axes: Axes, comparison: Comparison) -> None:
    scored = comparison.scored
    parts = scored.components(comparison.a, comparison.b)
    patients = scored.block.group_count
    grid = np.array(
        [[detectable_with(parts, int(s), float(factor), alpha=comparison.alpha) for s in SEEDS] for factor in FACTORS]
    )
    _contours(axes, FACTORS * patients, grid)
    axes.plot(comparison.seeds, patients, "o", color="white", mec=_drawing.ORANGE, mew=1.8, ms=7)
    axes.set_title(f"{_drawing.title(scored)}: {_drawing.pair_label(comparison)}", fontsize=8.5)
    axes.set_xlabel("training seeds")
    axes.set_ylabel("patients in the holdout")


def _contours(axes: Axes, patients: Floats, values: Floats) -> None:
    """Contours at round differences, of (patients, seeds) values."""
    round_ones = np.array([m * 10.0**k for k in range(-5, 2) for m in (1, 1.5, 2, 3, 4, 5, 6, 8)])
    levels = round_ones[(round_ones >= values.min()) & (round_ones <= values.max())]
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(levels) > 2:
        axes.contourf(SEEDS, patients, values, levels=levels, cmap="GnBu", extend="both", alpha=0.75)
        lines = axes.contour(SEEDS, patients, values, levels=levels, colors=_drawing.INK, linewidths=0.6)
        axes.clabel(lines, fmt="%.3g", fontsize=7)
    for axis, ticks in ((axes.xaxis, [2, 3, 5, 10, 20, 50]), (axes.yaxis, _round_ticks(patients))):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())


def _round_ticks(patients: Floats) -> list[float]:
    low, high = patients.min(), patients.max()
    ticks = [m * 10.0**k for k in range(8) for m in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]
