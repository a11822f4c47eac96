"""Differences between decision curves."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.net_benefit import FEWEST_DECIDING
from analysis.study.study import Study

NAME = "net_benefit_pairwise"
ORDER = 96
TITLE = "Differences between decision curves"
CAPTION = (
    "Net benefit of every arm less that of the first, the baseline. Bands are joint 95%, for new seeds and "
    "patients, and simultaneous over the thresholds of one difference (not over differences). Where fewer than "
    f"{FEWEST_DECIDING} patients decide, the line is thin and has no band. The table 'net_benefit_pairwise' has other "
    "pairs, too."
)


def draw(study: Study) -> Figure | None:
    """A panel a block, a curve an arm but the first; None without pairs."""
    several = [(s, c) for s, c in zip(study.scored, study.decisions, strict=True) if len(s.block.arms) > 1]
    if not several:
        return None
    figure, all_axes = _drawing.panels(len(several), height=3.1)
    for (scored, curves), axes in zip(several, all_axes, strict=True):
        block, at = scored.block, curves.thresholds
        palette = _drawing.colours(block.arms)
        axes.axhline(0, color=_drawing.SOFT, lw=0.8, zorder=0)
        ends = [0.0]
        for b in range(1, min(len(block.arms), _drawing.MOST_ARMS)):
            curve, colour = curves.differences[0, b], palette[block.arms[b]]
            axes.fill_between(at, curve.band[:, 0], curve.band[:, 1], color=colour, alpha=0.13, lw=0)
            shown = np.where(curve.banded, curve.estimates, np.nan)
            axes.plot(at, curve.estimates, color=colour, lw=0.8, alpha=0.4)
            axes.plot(at, shown, color=colour, lw=1.4, label=f"{block.arms[b]} - {block.arms[0]}")
            inner = curve.band[curve.banded]
            ends += [*np.quantile(inner[:, 0], [0.1]), *np.quantile(inner[:, 1], [0.9])] if len(inner) else []
        room = 0.3 * (max(ends) - min(ends)) or 0.01
        axes.set_ylim(min(ends) - room, max(ends) + room)
        axes.set_xlim(0, 1)
        axes.grid()
        axes.set_title(f"{_drawing.title(scored)} ({curves.kind})")
        axes.set_xlabel("threshold")
        axes.set_ylabel("difference in net benefit")
    _drawing.legend_below(figure, all_axes[0])
    return figure
