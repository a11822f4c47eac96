"""What the arms of a run are, and so what a difference between two of them may be put down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.results import own_and_other

#: Methods that train networks alike, and differ in what they start from: that is the weights' difference.
TRAINING = ("scratch", "fine-tune")
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """One arm, as the run's spec.json describes it.

    Attributes:
        arm: its name.
        method: how it is fitted.
        architecture: its network.
        weights: data set -> the file that it starts from; none for random weights.
        started_from: what the checkpoint's own training began from; "" where nobody says.
    """

    arm: str
    method: str
    architecture: str
    weights: Mapping[str, str]
    started_from: str = ""

    def start(self, dataset: str) -> str:
        """What it starts from on a data set, whose models may predict a test set from elsewhere."""
        return self.weights.get(own_and_other(dataset)[0], RANDOM)

    def pretrained(self, dataset: str) -> bool:
        """Whether it starts from a file."""
        return self.start(dataset) != RANDOM


@dataclass(frozen=True, slots=True)
class Differences:
    """Whether two arms differ in method, architecture and weights, and what their difference may be put down to."""

    method: bool
    architecture: bool
    weights: bool
    credit: str


def read_arm_facts(described: Mapping[str, Any]) -> dict[str, ArmFacts]:
    """The arms of a run by name, from its spec.json; none of an older version's run, which tells titles alone."""
    records = described.get("arms", {})
    facts = {}
    for name, record in records.items() if isinstance(records, Mapping) else ():
        if isinstance(record, Mapping) and record.get("method") and isinstance(record.get("weights"), Mapping):
            facts[name] = ArmFacts(
                name,
                str(record["method"]),
                str(record.get("architecture", "")),
                {str(dataset): str(file) for dataset, file in record["weights"].items()},
                str(record.get("started_from", "")),
            )
    return facts


def title_of(described: Mapping[str, Any], arm: str) -> str:
    """What an arm is, in a line, from a run's spec.json; "" where that does not tell. Older runs give titles alone."""
    records = described.get("arms")
    record = records.get(arm) if isinstance(records, Mapping) else None
    return str(record.get("title", "") if isinstance(record, Mapping) else record or "")


def differences(a: ArmFacts, b: ArmFacts, dataset: str) -> Differences:
    """What differs between two arms on a data set; pretraining has the credit only where nothing else does."""
    method = a.method != b.method and not {a.method, b.method} <= set(TRAINING)
    architecture = a.architecture != b.architecture
    weights = a.start(dataset) != b.start(dataset)
    names = [name for name, differs in
             (("method", method), ("architecture", architecture), ("weights", weights)) if differs]  # fmt: skip
    if len(names) != 1:
        credit = f"{', '.join(names[:-1])} and {names[-1]} together" if names else "chance"
    elif weights:
        credit = "which pretraining" if a.pretrained(dataset) and b.pretrained(dataset) else "pretraining"
    else:
        credit = names[0]
    return Differences(method, architecture, weights, credit)
