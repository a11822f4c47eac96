"""The sentences of a block: one a comparison while they are few, grouped by verdict where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.statistics.equivalence import Verdict
    from analysis.study.comparison import Comparison

MOST_SENTENCES = 10  # with one comparison each
MOST_LISTED = 10  # differences in the sentence on a block that is not tested
UNDECIDED: tuple[Verdict, ...] = ("equivalent", "inconclusive", "not tested")


def findings(comparisons: Sequence[Comparison]) -> list[str]:
    """What is said of the comparisons of one block, in their order or by verdict."""
    if len(comparisons) > 1 and all(comparison.verdict == "not tested" for comparison in comparisons):
        return [_not_tested(comparisons)]
    if len(comparisons) <= MOST_SENTENCES:
        return [comparison.sentence for comparison in comparisons]
    decided = [comparison for comparison in comparisons if comparison.verdict in ("better", "worse")]
    sentences = [
        _winner(winner, [comparison for comparison in decided if _winner_of(comparison) == winner])
        for winner in dict.fromkeys(map(_winner_of, decided))
    ]
    for word in UNDECIDED:
        group = [comparison for comparison in comparisons if comparison.verdict == word]
        if group:
            sentences.append(_group(word, group, len(comparisons)))
    return sentences


def _not_tested(comparisons: Sequence[Comparison]) -> str:
    first = comparisons[0]
    sample = "from one training sample" if first.seeds == 1 else f"from only {first.seeds} training samples"
    differences = (
        _listed(comparisons)
        if len(comparisons) <= MOST_LISTED
        else f"they run from {min(c.estimate for c in comparisons):+.3f} to "
        f"{max(c.estimate for c in comparisons):+.3f} and stand in the table 'pairwise'"
    )
    return (
        f"None of the {len(comparisons)} differences in {first.metric.label} is tested, as they are {sample} and the "
        f"variance between training samples is unknown: {differences}."
    )


def _winner_of(comparison: Comparison) -> str:
    return comparison.arm_b if comparison.verdict == "better" else comparison.arm_a


def _winner(winner: str, comparisons: Sequence[Comparison]) -> str:
    """One arm with all that it is better than; differences are its own value minus the other's."""
    beaten = []
    for comparison in comparisons:
        (low, high), estimate, other = comparison.family_interval, comparison.estimate, comparison.arm_a
        if comparison.arm_a == winner:
            (low, high), estimate, other = (-high, -low), -estimate, comparison.arm_b
        beaten.append(f"{other} ({estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f})")
    others = len(comparisons[0].scored.block.arms) - 1
    label = comparisons[0].metric.label
    return (
        f"{winner} is better in {label} than {len(beaten)} of the {others} other arms (intervals simultaneous over "
        f"{comparisons[0].family} comparisons{' and all looks' if comparisons[0].looks else ''}): {_and(beaten)}."
    )


def _group(word: Verdict, comparisons: Sequence[Comparison], count: int) -> str:
    """The pairs of one verdict, by their first arm; the numbers stand in the table."""
    by_arm: dict[str, list[str]] = {}
    for comparison in comparisons:
        by_arm.setdefault(comparison.arm_a, []).append(comparison.arm_b)
    first = comparisons[0]
    meaning = {
        "equivalent": f"Equivalent in {first.metric.label} within a margin of {first.margin:g}",
        "inconclusive": f"Open in {first.metric.label}, which is not to say that there is no difference",
        "not tested": f"Not tested in {first.metric.label}",
    }[word]
    listed = "; ".join(f"{arm} with {_and(others)}" for arm, others in by_arm.items())
    return f"{meaning} ({len(comparisons)} of {count} pairs): {listed}."


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _listed(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(f"{c.arm_b} - {c.arm_a} ({_size(c)})" for c in comparisons)


def _size(comparison: Comparison) -> str:
    low, high = comparison.interval
    return f"{comparison.estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f}"
