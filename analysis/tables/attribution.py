"""What differs between the arms of every pair, and what their difference may be put down to."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from analysis.study.arm_facts import differences
from analysis.study.study import Study

NAME = "attribution"
ORDER = 21
CHAPTER = "Main results"
TITLE = "What differs in a pair"
CAPTION = (
    "The arms of a pair side by side: where they are the same, one value stands for both. attributed_to: what their "
    "difference may be put down to; it is pretraining (from random weights), or which pretraining, only where nothing "
    "else differs. Training from scratch and fine-tuning count as one method, whose start differs: one searches "
    "stochastic depth where the other searches the depth of fine-tuning. Other methods search as many dimensions."
)
FOLDED = True
MEANINGS = {
    "method": "how either arm is fitted",
    "architecture": "the network of either",
    "weights": "what either starts from: a file with the first digits of its hash, or random weights",
    "attributed_to": "what their difference may be put down to",
}


def build(study: Study) -> pd.DataFrame | None:
    """One row a pair of arms on a data set; None where the run does not say what its arms are."""
    rows = []
    arms_of: dict[str, dict[str, None]] = {}
    for member in study.blocks:
        arms_of.setdefault(member.block.dataset, {}).update(dict.fromkeys(member.block.arms))
    for dataset, arms in arms_of.items():
        for one, other in combinations([study.arms[arm] for arm in arms if arm in study.arms], 2):
            differ = differences(one, other, dataset)
            rows.append(
                {
                    "dataset": dataset,
                    "arm_a": one.arm,
                    "arm_b": other.arm,
                    "method": _both(one.method, other.method),
                    "architecture": _both(one.architecture, other.architecture),
                    "weights": _both(one.start(dataset), other.start(dataset)),
                    "attributed_to": differ.credit,
                }
            )
    return pd.DataFrame(rows) if rows else None


def _both(a: str, b: str) -> str:
    return a if a == b else f"{a} / {b}"
