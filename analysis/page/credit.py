"""What a block's differences are not to be put down to: pretraining, where the architecture differs too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from analysis.page.findings import joined
from analysis.study.arm_facts import ArmFacts, differences


def credit(arms: Sequence[str], dataset: str, facts: Mapping[str, ArmFacts]) -> str:
    """Sentences on the pairs that differ in weights and in architecture, and on what checkpoints began from.

    Args:
        arms: of the block.
        dataset: its data set.
        facts: of the arms; empty where the run does not say what they are.
    """
    known = [facts[arm] for arm in arms if arm in facts]
    random = [arm for arm in known if not arm.pretrained(dataset)]
    pretrained = [arm for arm in known if arm.pretrained(dataset)]
    sentences = []
    for arm in random:
        others = [other for other in pretrained if other.architecture != arm.architecture]
        if others:
            sentences.append(
                f"{arm.arm} has another architecture than {joined([other.arm for other in others])}: "
                "no difference between them is put down to pretraining."
            )
    if sentences:
        sentences.append(_controls(random, pretrained))
    confounded = [
        f"{a.arm} and {b.arm}"
        for a, b in combinations(pretrained, 2)
        if (of := differences(a, b, dataset)).architecture and of.weights
    ]
    if confounded:
        listed = joined(confounded) if len(confounded) < 4 else f"{len(confounded)} pairs of pretrained arms"
        sentences.append(f"Architecture and weights differ together between {listed}.")
    sentences += [_began(arm) for arm in pretrained if arm.started_from]
    return " ".join(sentence for sentence in sentences if sentence)


def _controls(random: Sequence[ArmFacts], pretrained: Sequence[ArmFacts]) -> str:
    """Which arm from random weights has the architecture of pretrained ones; which have no such control."""
    by_network = {arm.architecture: arm.arm for arm in random}
    told: dict[str, list[str]] = {}
    for arm in pretrained:
        told.setdefault(by_network.get(arm.architecture, ""), []).append(arm.arm)
    without = told.pop("", [])
    parts = [
        f"{control} has the architecture of {joined(arms)}, and tells the two apart." for control, arms in told.items()
    ]
    if without:
        parts.append(f"Of the architecture of {joined(without)} there is no arm from random weights.")
    return " ".join(parts)


def _began(arm: ArmFacts) -> str:
    return f"The checkpoint of {arm.arm} was itself pretrained from {arm.started_from}."
