"""The metric of every arm and training seed."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.intervals import arm_interval
from analysis.study.study import Study

NAME = "seeds"
ORDER = 20
TITLE = "Every training seed"
CAPTION = (
    "Grey lines join the arms of one seed: same subsample, same folds, same patients. Beside the points: mean and "
    "joint 95% interval of the arm. Intervals of two arms may overlap although their paired difference is clear."
)
CAPTION_MODELS = (
    "Grey lines join the arms of one seed. Beside the points: the 95% interval of every arm for new patients, its "
    "trained models held fixed. Intervals of two arms may overlap although their paired difference is clear."
)


def draw(study: Study) -> Figure | None:
    """A panel a block, a line a seed; None for fixed models of one seed, which the figure 'ranks' shows in order."""
    single = all(len(scored.block.seeds) == 1 for scored in study.scored)
    if study.estimand == "models" and single and all(map(study.rankings, study.scored)):
        return None
    figure, all_axes = _drawing.panels(len(study.scored))
    for scored, axes in zip(study.scored, all_axes, strict=True):
        block, values = scored.block, scored.values
        palette = _drawing.colours(block.arms)
        x = np.arange(len(block.arms))
        for s in range(len(block.seeds)):
            axes.plot(x, values[:, s], color=_drawing.FAINT, lw=0.9, zorder=1)
        for a, arm in enumerate(block.arms):
            axes.scatter(np.full(len(block.seeds), a), values[a], s=12, color=palette[arm], zorder=2)
            axes.plot([a + 0.16, a + 0.16], arm_interval(scored, a), color=palette[arm], lw=1.6)
            axes.plot(a + 0.16, values[a].mean(), "o", ms=5, color="white", mec=palette[arm], mew=1.4)
        axes.set_xticks(x, block.arms, rotation=0 if len(x) < 5 else 60, fontsize=9 if len(x) < 4 else 7.5)
        axes.set_xlim(-0.4, len(x) - 0.5)
        axes.set_title(_drawing.title(scored))
        axes.set_ylabel(study.primary.label)
        axes.grid(axis="y")
    _drawing.same_y(all_axes, [scored.block.dataset for scored in study.scored])
    return figure
