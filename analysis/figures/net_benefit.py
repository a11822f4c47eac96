"""Decision curves: net benefit over thresholds."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.net_benefit import FEWEST_DECIDING
from analysis.study.study import Study

NAME = "net_benefit"
ORDER = 95
TITLE = "Decision curves"
CAPTION = (
    "Net benefit of acting on images at or above a threshold (Vickers and Elkin 2006): true positives less false "
    "ones at the threshold's odds, an image. Bands are joint 95%, for new seeds and patients, and simultaneous over "
    "the thresholds of one arm (not over arms): with 95% the true curve lies in its band at all of them. There is "
    f"no band where fewer than {FEWEST_DECIDING} patients decide. Grey: acting on all images (dashed), and on none. "
    "A model is of use where it lies above both. Scores are corrected to the holdout's prevalence where training's "
    "is known; several classes or labels are averaged, one versus rest."
)


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm."""
    figure, all_axes = _drawing.panels(len(study.decisions), height=3.1)
    for scored, curves, axes in zip(study.scored, study.decisions, all_axes, strict=True):
        palette, at = _drawing.colours(scored.block.arms), curves.thresholds
        axes.axhline(0, color=_drawing.FAINT, lw=1.2, zorder=0)
        axes.plot(at, curves.treat_all, color=_drawing.FAINT, lw=1.2, ls="--", zorder=0)
        best = 0.0
        for a, arm in enumerate(scored.block.arms[: _drawing.MOST_ARMS]):
            curve = curves.arms[a]
            mean, band = curve.estimates, curve.band
            axes.fill_between(at, band[:, 0], band[:, 1], color=palette[arm], alpha=0.13, lw=0)
            axes.plot(at, mean, color=palette[arm], lw=1.4, label=arm)
            best = max(best, float(mean.max()), *band[:1, 1][np.isfinite(band[:1, 1])])
        top = max(best, float(curves.treat_all.max()), 0.01)
        axes.set_ylim(-0.25 * top, 1.08 * top)
        axes.set_xlim(0, 1)
        axes.grid()
        axes.set_title(f"{_drawing.title(scored)} ({curves.kind})")
        axes.set_xlabel("threshold")
        axes.set_ylabel("net benefit")
    _drawing.legend_below(figure, all_axes[0])
    return figure
