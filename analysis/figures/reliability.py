"""Observed rates against predicted probabilities."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study import operating
from analysis.study.study import Study

NAME = "reliability"
ORDER = 90
TITLE = "Reliability"
CAPTION = (
    "Observed rate against mean predicted probability in ten bins of equal size, mean over seeds; the band is one "
    "standard deviation of the observed rate over the seeds, up to 6 arms. On the diagonal, "
    "probabilities mean what they say. Solid: scores corrected to the holdout's prevalence, where training's is known; "
    "dashed and pale: as they are, which class-balanced training puts off the diagonal."
)


def draw(study: Study) -> Figure:
    """A panel a block, a curve an arm and kind of scores."""
    figure, all_axes = _drawing.panels(len(study.scored), height=3.3)
    for scored, correction, axes in zip(study.scored, study.corrections, all_axes, strict=True):
        palette = _drawing.colours(scored.block.arms)
        axes.plot([0, 1], [0, 1], color=_drawing.LINE, lw=1.2, zorder=0)
        for a, arm in enumerate(scored.block.arms[: _drawing.MOST_ARMS]):
            if correction.made:
                predicted, observed = (of_seeds.mean(axis=0) for of_seeds in operating.reliability(scored.block, a))
                axes.plot(predicted, observed, color=palette[arm], marker="o", ms=2, lw=0.9, ls="--", alpha=0.5)
            of_seeds = operating.reliability(correction.block, a)
            predicted, observed = (values.mean(axis=0) for values in of_seeds)
            if len(of_seeds[1]) > 1 and len(scored.block.arms) <= _drawing.MOST_BANDS:
                spread = of_seeds[1].std(axis=0, ddof=1)
                ends = np.clip((observed - spread, observed + spread), 0, 1)
                axes.fill_between(predicted, *ends, color=palette[arm], alpha=0.12, lw=0)
            marker = _drawing.MARKERS[a % len(_drawing.MARKERS)]
            axes.plot(predicted, observed, color=palette[arm], marker=marker, ms=3.5, lw=1.2, label=arm)
        _drawing.square(axes)
        axes.set_title(_drawing.title(scored))
        axes.set_xlabel("mean predicted probability")
        axes.set_ylabel("observed rate")
    _drawing.legend_below(figure, all_axes[0])
    return figure
