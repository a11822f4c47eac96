"""What a block's differences are not put down to: pretraining, where the architecture or the method differs too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

from analysis.page.findings import joined, seen_from, winner_of
from analysis.study.arm_facts import ArmFacts, differences

if TYPE_CHECKING:
    from analysis.study.comparison import Comparison

MOST_NAMED = 4  # arms, or pairs, that a sentence names; of more it gives the number
IN_THE_TABLE = "The table 'attribution' has every pair."


def credit(
    arms: Sequence[str], dataset: str, facts: Mapping[str, ArmFacts], comparisons: Sequence[Comparison] = ()
) -> str:
    """Sentences on the pairs in which more than pretraining differs, and on what checkpoints began from.

    Args:
        arms: of the block.
        dataset: its data set.
        facts: of the arms; empty where the run does not say what they are.
        comparisons: of the block; what they say stands beside the pairs in which pretraining is what differs.
    """
    known = [facts[arm] for arm in arms if arm in facts]
    random = [arm for arm in known if not arm.pretrained(dataset)]
    pretrained = [arm for arm in known if arm.pretrained(dataset)]
    verdicts = {frozenset((of.arm_a, of.arm_b)): of for of in comparisons}
    sentences = _on_pretraining(random, pretrained, dataset, verdicts)
    several = [(a, b) for a, b in combinations(pretrained, 2) if _confounded(a, b, dataset)]
    if several:
        listed = [f"{a.arm} and {b.arm}" for a, b in several]
        which = joined(listed) if len(listed) < MOST_NAMED else f"{len(listed)} pairs of pretrained arms"
        sentences.append(f"Architecture and weights differ together between {which}.")
    if len(several) >= MOST_NAMED or len(random) * len(pretrained) > MOST_NAMED**2:
        sentences.append(IN_THE_TABLE)
    return " ".join([*sentences, *_began(pretrained)])


def _on_pretraining(
    random: Sequence[ArmFacts],
    pretrained: Sequence[ArmFacts],
    dataset: str,
    verdicts: Mapping[frozenset[str], Comparison],
) -> list[str]:
    """Between which arms pretraining is all that differs, and between which it is not; none where it always is."""
    pairs = {(a, b): differences(random[a], pretrained[b], dataset)
             for a, b in product(range(len(random)), range(len(pretrained)))}  # fmt: skip
    more = {pair: of for pair, of in pairs.items() if of.architecture or of.method}
    if not more:
        return []
    partners = {
        a: [pretrained[b].arm + _verdict(verdicts, random[a].arm, pretrained[b].arm)
            for (one, b) in pairs if one == a and (a, b) not in more]
        for a, _ in pairs
    }  # fmt: skip
    alone = [
        f"{random[a].arm} and {'each of ' if len(names) > 1 else ''}{joined(names)}"
        for a, names in partners.items()
        if names
    ]
    sentences = [
        f"Pretraining is what differs between {'; '.join(alone)}."
        if alone
        else "No pair of arms differs in pretraining alone."
    ]
    else_ = " or ".join(
        name
        for name, differs in (
            ("architecture", any(of.architecture for of in more.values())),
            ("method", any(of.method for of in more.values())),
        )
        if differs
    )
    ones, others = (list(dict.fromkeys(pair[side] for pair in more)) for side in (0, 1))
    named = len(more) == len(ones) * len(others) and max(len(ones), len(others)) <= MOST_NAMED
    which = (
        f"No difference of {joined([random[a].arm for a in ones])} from {joined([pretrained[b].arm for b in others])}"
        if named
        else f"Of {len(more)} {'other ' if alone else ''}pairs of a pretrained arm and one from random weights no "
        "difference"
    )
    return [*sentences, f"{which} is put down to pretraining, as the {else_} differs too."]


def _verdict(verdicts: Mapping[frozenset[str], Comparison], random: str, pretrained: str) -> str:
    """`` (better: +0.057, +0.010 to +0.105)``: the pretrained arm, with the simultaneous interval."""
    comparison = verdicts.get(frozenset((random, pretrained)))
    if comparison is None:
        return ""
    word = {"equivalent": "equivalent", "inconclusive": "open", "not tested": "not tested"}.get(comparison.verdict)
    word = word or ("better" if winner_of(comparison) == pretrained else "worse")
    _, estimate, (low, high) = seen_from(comparison, pretrained)
    return f" ({word}: {estimate:+.3f}, {low:+.3f} to {high:+.3f})"


def _confounded(a: ArmFacts, b: ArmFacts, dataset: str) -> bool:
    of = differences(a, b, dataset)
    return of.architecture and of.weights


def _began(pretrained: Sequence[ArmFacts]) -> list[str]:
    """A sentence for every origin that checkpoints were pretrained from."""
    of_origin: dict[str, list[str]] = {}
    for arm in pretrained:
        if arm.started_from:
            of_origin.setdefault(arm.started_from, []).append(arm.arm)
    return [
        f"The checkpoint of {joined(arms)} was itself pretrained from {origin}." for origin, arms in of_origin.items()
    ]
