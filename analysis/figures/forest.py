"""Every difference with its interval, against the margin."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.about import models_fixed
from analysis.study.comparison import Comparison
from analysis.study.scores import Scored
from analysis.study.study import Study

NAME = "forest"
ORDER = 10
TITLE = "Differences between arms"
CAPTION = (
    "Thin line: the joint 95% interval, for new training samples and new patients; faint, and cut off where it is very "
    "wide: the same for all comparisons together; under a plan with looks both are repeated confidence intervals. "
    "Thick line: the interval for these trained models and new patients, which leaves the training out. Shaded: the "
    "margin of equivalence. Of more than "
    f"{_drawing.MOST_PAIRS} pairs of a block, only those with its first arm are shown; the figure 'matrix' has them "
    "all."
)
CAPTION_MODELS = (
    "The 95% interval for new patients, the trained models held fixed; faint: the same for all comparisons together. "
    f"Shaded: the margin of equivalence. Of more than {_drawing.MOST_PAIRS} pairs of a block, only those with one arm "
    "are shown, which its title names; the figure 'matrix' has them all."
)


def draw(study: Study) -> Figure | None:
    """A row a comparison under its block's title; None without comparisons."""
    if not study.comparisons:
        return None
    count = sum(len(_drawing.shown(study, scored)) + 1 for scored in study.scored)
    figure, axes = _drawing.rows(count)
    axes.axvspan(-study.margin, study.margin, color=_drawing.BAND, label=f"margin ±{study.margin:g}", lw=0)
    axes.axvline(0, color=_drawing.SOFT, lw=0.8)
    fixed = models_fixed(study)
    joint = "95% interval, new patients" if fixed else "joint 95% interval"
    joint = "repeated 95% interval" if study.looks else joint
    y = 0
    ticks: list[int] = []
    labels: list[str] = []
    for scored in study.scored:
        place = axes.get_yaxis_transform()
        axes.text(0.005, y, _title(study, scored), transform=place, weight="bold", va="center", fontsize=8.5)
        y += 1
        for comparison in _drawing.shown(study, scored):
            sign = _drawing.direction(comparison)
            estimate, half, first = sign * comparison.estimate, _patients_half(comparison), not ticks
            if comparison.family > 1:
                axes.plot(
                    [sign * end for end in comparison.family_interval],
                    [y, y],
                    color=_drawing.FAINT,
                    lw=1.2,
                    label="simultaneous 95% interval" if first else None,
                )
            axes.plot(
                [sign * end for end in comparison.interval],
                [y, y],
                color=_drawing.INK,
                lw=1.2,
                label=joint if first else None,
            )
            if not fixed:
                axes.plot(
                    [estimate - half, estimate + half],
                    [y, y],
                    color=_drawing.BLUE,
                    lw=4,
                    solid_capstyle="butt",
                    alpha=0.75,
                    label="patients only, seeds fixed" if first else None,
                )
            axes.plot(estimate, y, "o", color="white", mec=_drawing.INK, ms=4.5)
            ticks.append(y)
            labels.append(_drawing.pair_label(comparison))
            y += 1
    axes.set_xlim(*_limits(study))
    axes.set_yticks(ticks, labels)
    axes.set_xlabel(f"difference in {study.primary.label}")
    _drawing.legend_below(figure, axes)
    return figure


def _title(study: Study, scored: Scored) -> str:
    """Of a block's rows, with what is left out of them."""
    if not _drawing.too_many(scored):
        return _drawing.title(scored)
    count = len(_drawing.shown(study, scored))
    arm = scored.block.arms[_drawing.reference(scored)]
    return f"{_drawing.title(scored)}: {count} of {len(scored.pairs)} pairs, those with {arm}"


def _patients_half(comparison: Comparison) -> float:
    """Half the width of the interval for new patients, seeds fixed."""
    low, high = comparison.scored.pair(comparison.a, comparison.b, "models").interval()
    return (high - low) / 2


def _limits(study: Study) -> tuple[float, float]:
    """What is drawn: the margin, and a little more than every interval of a single comparison."""
    ends = [-study.margin, study.margin]
    for scored in study.scored:
        for comparison in _drawing.shown(study, scored):
            half, sign = _patients_half(comparison), _drawing.direction(comparison)
            ends += [
                sign * end for end in (*comparison.interval, comparison.estimate - half, comparison.estimate + half)
            ]
    room = 0.12 * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room
