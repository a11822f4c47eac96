"""The answer in a paragraph: what the arms reached, and what may be said against the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.page.findings import joined, seen_from, winner_of
from analysis.study.about import ABOUT
from analysis.study.estimand import answered
from analysis.study.intervals import arm_interval

if TYPE_CHECKING:
    from analysis.statistics.equivalence import Verdict
    from analysis.study.comparison import Comparison
    from analysis.study.scores import Scored

MOST_ARMS = 5  # whose values are listed; of more, the best ones and the reference


def answer(scored: Scored, comparisons: Sequence[Comparison]) -> str:
    """What a block says, in words for those who have not seen its tables.

    Args:
        scored: the block by the primary metric; its first arm is the reference.
        comparisons: all pairs.
    """
    sentences = [_values(scored)]
    reference = scored.block.arms[0]
    against = [comparison for comparison in comparisons if reference in (comparison.arm_a, comparison.arm_b)]
    others = [comparison for comparison in comparisons if comparison not in against]
    if not comparisons:
        return sentences[0]
    if all(comparison.verdict == "not tested" for comparison in comparisons):
        return f"{sentences[0]} No difference is tested."
    words: tuple[Verdict, ...] = ("better", "worse", "equivalent", "inconclusive", "not tested")
    for word in words:
        group = [comparison for comparison in against if _verdict(comparison, reference) == word]
        if group:
            sentences.append(_against(reference, word, group))
    if others:
        sentences.append(_others(others))
    return " ".join(sentences)


def _values(scored: Scored) -> str:
    """Absolute values, best first."""
    block, metric = scored.block, scored.metric
    order = sorted(range(len(block.arms)), key=lambda a: -metric.sign * scored.arm(a).estimate)
    shown = (
        order if len(order) <= MOST_ARMS else [a for place, a in enumerate(order) if place < MOST_ARMS - 1 or a == 0]
    )
    about = ABOUT[answered(block)]
    listed = []
    for place, a in enumerate(shown):
        low, high = arm_interval(scored, a)
        interval = f"95% CI {low:.3f} to {high:.3f}" if place == 0 else f"{low:.3f} to {high:.3f}"
        listed.append(f"{block.arms[a]} {scored.arm(a).estimate:.3f} ({interval})")
    sample = f"With {block.n_per_class} labelled images per class, " if block.n_per_class else ""
    left_out = len(order) - len(shown)
    rest = f"; {left_out} more arms in the table" if left_out else ""
    return f"{sample}{metric.label} for {about} is: {', '.join(listed)}{rest}."


def _verdict(comparison: Comparison, reference: str) -> Verdict:
    """What is said of the arm that is not the reference."""
    if comparison.verdict not in ("better", "worse"):
        return comparison.verdict
    return "worse" if winner_of(comparison) == reference else "better"


def _against(reference: str, word: Verdict, comparisons: Sequence[Comparison]) -> str:
    arms = [comparison.arm_b if comparison.arm_a == reference else comparison.arm_a for comparison in comparisons]
    if len(comparisons) <= MOST_ARMS:
        arms = [f"{arm} ({_size(comparison, arm)})" for comparison, arm in zip(comparisons, arms, strict=True)]
    listed = joined(arms)
    several, margin = len(comparisons) > 1, comparisons[0].margin
    if word in ("better", "worse"):
        return f"{word.capitalize()} than {reference}: {listed}."
    if word == "equivalent":
        lies = "these differences lie" if several else "the difference lies"
        return f"Equivalent to {reference}: {listed}; {lies} within the margin of {margin:g}."
    if word == "not tested":
        return f"Not tested against {reference}: {listed}."
    if len(comparisons) > MOST_ARMS:
        listed = f"{len(comparisons)} other arms"
    return (
        f"Open against {reference}: {listed}; {'these intervals do' if several else 'the interval does'} not decide "
        f"between no difference and one that matters (beyond {margin:g})."
    )


def _others(comparisons: Sequence[Comparison]) -> str:
    """What is said of the pairs without the reference."""
    decided = [comparison for comparison in comparisons if comparison.verdict in ("better", "worse")]
    same = [comparison for comparison in comparisons if comparison.verdict == "equivalent"]
    winners = [winner_of(comparison) for comparison in decided]
    losers = [seen_from(comparison, winner)[0] for comparison, winner in zip(decided, winners, strict=True)]
    parts = [f"{winner} is better than {loser}" for winner, loser in zip(winners, losers, strict=True)]
    parts += [f"{comparison.arm_a} and {comparison.arm_b} are equivalent" for comparison in same]
    left = len(comparisons) - len(parts)
    if len(parts) > MOST_ARMS:
        return (
            f"Of the {len(comparisons)} pairs of other arms {len(decided)} differ, {len(same)} are equivalent and "
            f"{left} are open."
        )
    if not parts:
        return "Between the other arms nothing is decided." if left > 1 else "Between the other two nothing is decided."
    undecided = f"; {left} {'pairs are' if left > 1 else 'pair is'} open" if left else ""
    return f"Among the others, {joined(parts)}{undecided}."


def _size(comparison: Comparison, arm: str) -> str:
    """The arm minus the reference, with the interval that its verdict goes with."""
    _, estimate, (low, high) = seen_from(comparison, arm)
    return f"{estimate:+.3f}, {low:+.3f} to {high:+.3f}"
