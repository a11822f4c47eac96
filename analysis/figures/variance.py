"""The variance of every mean difference, in its parts."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.study import Study

NAME = "variance"
ORDER = 100
TITLE = "What the uncertainty is made of"
CAPTION = (
    "Variance of the mean difference. The seeds' parts shrink with more training seeds, but for what overlapping "
    "training samples add; the patients' part shrinks only with more patients."
)

KINDS = (
    ("training seeds", _drawing.BLUE),
    ("seeds x patients", _drawing.PALE_BLUE),
    ("patients", _drawing.SAND),
)


def draw(study: Study) -> Figure | None:
    """A bar a comparison; None where none has two seeds, or the trained models are held fixed."""
    if study.estimand == "models":
        return None
    comparisons = [
        comparison
        for scored in study.scored
        if len(scored.block.seeds) > 1
        for comparison in _drawing.shown(study, scored)
    ]
    if not comparisons:
        return None
    figure, axes = _drawing.rows(len(comparisons))
    for y, comparison in enumerate(comparisons):
        parts, seed_part = comparison.scored.components(comparison.a, comparison.b), comparison.inference.seed_part
        left, together = 0.0, parts.interaction / comparison.seeds
        sizes = (max(seed_part - together, 0.0), together, parts.patients)
        for (name, colour), size in zip(KINDS, sizes, strict=True):
            axes.barh(y, size, left=left, color=colour, height=0.7, label=name if y == 0 else None)
            left += size
    axes.set_yticks(
        range(len(comparisons)),
        [f"{_drawing.pair_label(comparison)}   {_drawing.title(comparison.scored)}" for comparison in comparisons],
    )
    axes.set_xlabel("variance of the mean difference")
    axes.ticklabel_format(axis="x", scilimits=(-3, 3))
    _drawing.legend_below(figure, axes)
    return figure
