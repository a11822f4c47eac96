"""What a report says of the look that it is: the level spent, and what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.study.comparison import Comparison
    from analysis.study.study import Study

MOST_LISTED = 12  # comparisons, beyond which only their number is given


def on_look(study: Study) -> list[str]:
    """Sentences on the present look of a locked plan; none where the plan has no looks."""
    looks = study.looks
    if looks is None:
        return []
    where = f"Look {looks.number} of {len(looks.seeds)}, at {looks.at} of {looks.seeds[-1]} training seeds"
    sentences = [
        f"{where}. This look spends {_level(looks.level)} of the level of .05, {_level(looks.spent)} is spent so far "
        "(Lan and DeMets's spending function of O'Brien and Fleming's type). Intervals are repeated confidence "
        f"intervals (Jennison and Turnbull 1989): all {len(looks.seeds)} looks hold the difference together with 95%, "
        f"the interval of this look alone with {1 - looks.level:.2%}. Corrected p-values are over the comparisons and "
        "the looks; below .05 a claim is made, and stays."
    ]
    comparisons = study.comparisons
    for words, group in (
        ("Decided at this look", [c for c in comparisons if c.decided and c.decided.seeds == looks.at]),
        ("Decided before", [c for c in comparisons if c.decided and c.decided.seeds < looks.at]),
    ):
        if group:
            sentences.append(f"{words}: {_named(group)}.")
    still_open = sum(c.decided is None for c in comparisons)
    if not still_open:
        sentences.append("Every comparison is decided" + ("." if looks.last else ": training may stop here."))
    elif looks.last:
        sentences.append(f"{still_open} of {len(comparisons)} comparisons remain open, and no further look is planned.")
    else:
        following = looks.seeds[looks.number]
        sentences.append(f"{still_open} of {len(comparisons)} comparisons go on, to the look at {following} seeds.")
    return sentences


def what_follows_looks() -> str:
    """Which figures of a report take the looks into account."""
    return (
        "The findings on the own holdout, the tables 'arms', 'pairwise' and 'looks' and the forest plot take the looks "
        "into account. Every other interval and p-value is that of a single look at .05: read it as exploratory."
    )


def _named(comparisons: Sequence[Comparison]) -> str:
    if len(comparisons) > MOST_LISTED:
        return f"{len(comparisons)} comparisons (the table 'looks' names them)"
    return ", ".join(_name(comparison) for comparison in comparisons)


def _name(comparison: Comparison) -> str:
    assert comparison.decided is not None
    when = "" if comparison.looks and comparison.decided.seeds == comparison.looks.at else (
        f", at {comparison.decided.seeds} seeds"
    )  # fmt: skip
    where = f"{comparison.dataset}, n = {comparison.n_per_class}: "
    return f"{where}{comparison.arm_b} - {comparison.arm_a} ({comparison.verdict}{when})"


def _level(value: float) -> str:
    return f"{value:.3f}".lstrip("0") if value >= 0.01 else f"{value:.2g}".replace("0.", ".", 1)
