"""The sentences of a block: one a comparison while they are few; the arms' order and groups where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from analysis.study.sentences import FIXED, INSTEAD

if TYPE_CHECKING:
    from analysis.statistics.equivalence import Verdict
    from analysis.study.comparison import Comparison
    from analysis.study.rankings import Ranked

MOST_SENTENCES = 10  # with one comparison each
MOST_LISTED = 10  # differences with their intervals in the sentences on a block
UNDECIDED: tuple[Verdict, ...] = ("equivalent", "inconclusive", "not tested")


def findings(comparisons: Sequence[Comparison], ranked: Sequence[Ranked] = ()) -> list[str]:
    """What is said of the comparisons of one block, in their order or by verdict.

    Args:
        comparisons: all pairs.
        ranked: the arms from best to worst; empty where they are not ranked.
    """
    if len(comparisons) > 1 and all(comparison.verdict == "not tested" for comparison in comparisons):
        return [_not_tested(comparisons)]
    if len(comparisons) <= MOST_SENTENCES:
        return [comparison.sentence for comparison in comparisons]
    decided = [comparison for comparison in comparisons if comparison.verdict in ("better", "worse")]
    order = {arm.arm: place for place, arm in enumerate(ranked)}
    winners = sorted(dict.fromkeys(map(winner_of, decided)), key=lambda arm: order.get(arm, 0))
    sentences = [_order(ranked, comparisons[0])] if ranked else []
    for winner in winners:
        beaten = [comparison for comparison in decided if winner_of(comparison) == winner]
        sentences.append(_winner(winner, beaten, len(decided) <= MOST_LISTED, "" if ranked else _about(comparisons[0])))
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
        f"variance between training samples is unknown: {differences}; {INSTEAD}."
    )


def winner_of(comparison: Comparison) -> str:
    """The better arm of a decided comparison."""
    return comparison.arm_b if comparison.verdict == "better" else comparison.arm_a


def seen_from(comparison: Comparison, arm: str) -> tuple[str, float, tuple[float, float]]:
    """The other arm, and this one minus it, with the simultaneous interval."""
    (low, high), estimate = comparison.family_interval, comparison.estimate
    if comparison.arm_b == arm:
        return comparison.arm_a, estimate, (low, high)
    return comparison.arm_b, -estimate, (-high, -low)


def _about(comparison: Comparison) -> str:
    return f", {FIXED}" if comparison.for_models else ""


def _order(ranked: Sequence[Ranked], first: Comparison) -> str:
    """The arms from best to worst, with the ranks that are left open to each; neighbours with the same together."""
    groups = [(places, [arm.arm for arm in arms]) for places, arms in groupby(ranked, key=lambda arm: arm.places)]
    if len(groups) == 1:
        return (
            f"No arm has a rank in {first.metric.label}{_about(first)}: the data leave open all {len(ranked)} to each. "
            f"By value: {', '.join(groups[0][1])}."
        )
    listed = "; ".join(f"{', '.join(arms)} ({places}{' each' if len(arms) > 1 else ''})" for places, arms in groups)
    return (
        f"In the order of {first.metric.label}{_about(first)}, with the ranks that the data leave open (95% for all "
        f"arms together): {listed}."
    )


def _winner(winner: str, comparisons: Sequence[Comparison], listed: bool, about: str) -> str:
    """One arm with all that it is better than; differences, its value minus the other's, are listed or a range."""
    others, label = len(comparisons[0].scored.block.arms) - 1, comparisons[0].metric.label
    seen = [seen_from(comparison, winner) for comparison in comparisons]
    if not listed:
        names, sizes = [other for other, *_ in seen], sorted(estimate for _, estimate, _ in seen)
        span = f"{sizes[0]:+.3f} to {sizes[-1]:+.3f}" if len(sizes) > 1 else f"{sizes[0]:+.3f}"
        better_than = f"{winner} is better in {label} than {len(names)} of the {others} other arms{about}"
        return f"{better_than} ({span}): {joined(names)}."
    beaten = [f"{other} ({estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f})" for other, estimate, (low, high) in seen]
    return (
        f"{winner} is better in {label} than {len(beaten)} of the {others} other arms{about} (intervals simultaneous "
        f"over {comparisons[0].family} comparisons{' and all looks' if comparisons[0].looks else ''}): "
        f"{joined(beaten)}."
    )


def _group(word: Verdict, comparisons: Sequence[Comparison], count: int) -> str:
    """The pairs of one verdict, by their first arm, or of many open ones their number; the rest stands in the table."""
    by_arm: dict[str, list[str]] = {}
    for comparison in comparisons:
        by_arm.setdefault(comparison.arm_a, []).append(comparison.arm_b)
    first = comparisons[0]
    meaning = {
        "equivalent": f"Equivalent in {first.metric.label} within a margin of {first.margin:g}{_about(first)}",
        "inconclusive": f"Open in {first.metric.label}{_about(first)}, which is not to say that there is no difference",
        "not tested": f"Not tested in {first.metric.label}",
    }[word]
    listed = "; ".join(f"{arm} with {joined(others)}" for arm, others in by_arm.items())
    if word == "inconclusive" and len(comparisons) > MOST_LISTED:
        listed = "all that are not named above" if len(comparisons) < count else "all of them"
    return f"{meaning} ({len(comparisons)} of {count} pairs): {listed}."


def joined(names: Sequence[str]) -> str:
    """Names as a list in words."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _listed(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(f"{c.arm_b} - {c.arm_a} ({_size(c)})" for c in comparisons)


def _size(comparison: Comparison) -> str:
    low, high = comparison.interval
    return f"{comparison.estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f}"
