"""The search spaces, as data: the same dimensions for every arm, and one of its own.

Every range of a shared dimension has the same width for every arm; only the centres of the learning rate and the
weight decay move with the arm (declared in its file). So no arm is given more, or finer, freedom than another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmark import arms
from benchmark.arms import ArmModule, Dimension, Value

#: Widths of the ranges, as the ratio of the upper to the lower end.
LEARNING_RATE_WIDTH = 100.0
WEIGHT_DECAY_WIDTH = 1000.0

#: Trial 0 of every arm, beside the arm's own centres: aggressive augmentation.
DEFAULTS: dict[str, Value] = {"augmentation": 0.5, "label_smoothing": 0.1}


def space(arm: ArmModule, min_epochs: int, max_epochs: int, backbone: str) -> tuple[Dimension, ...]:
    """The arm's search space with this backbone: five shared dimensions and one of its own."""
    return (
        _around("learning_rate", arm.LEARNING_RATE, LEARNING_RATE_WIDTH),
        _around("weight_decay", arm.WEIGHT_DECAY, WEIGHT_DECAY_WIDTH),
        Dimension("epochs", "int", min_epochs, max_epochs, log=True),
        Dimension("augmentation", "float", 0.0, 1.0, step=0.25, natural_ends=("low", "high")),
        Dimension("label_smoothing", "float", 0.0, 0.2, step=0.05, natural_ends=("low",)),
        arms.own_dimension(arm, backbone)[0],
    )


def default(arm: ArmModule, min_epochs: int, max_epochs: int, backbone: str) -> dict[str, Value]:
    """The arm's published default: trial 0 of every study.

    Its epochs are the geometric middle, as its learning rate and weight decay are the centres of theirs: nothing is
    assumed of where in the range an arm is best, and a default that wins is no sign that the cap is too low.
    """
    own, value = arms.own_dimension(arm, backbone)
    return {
        "learning_rate": arm.LEARNING_RATE,
        "weight_decay": arm.WEIGHT_DECAY,
        "epochs": round(math.sqrt(min_epochs * max_epochs)),
        **DEFAULTS,
        own.name: value,
    }


def as_records(
    names: Sequence[str], min_epochs: int, max_epochs: int, backbone: str
) -> dict[str, list[dict[str, Any]]]:
    """Every arm's space as plain values for spec.json, from which the report tells the edges of the ranges."""
    return {
        name: [asdict(dimension) for dimension in space(arms.find(name), min_epochs, max_epochs, backbone)]
        for name in names
    }


def side_by_side(names: Sequence[str], min_epochs: int, max_epochs: int, backbone: str) -> list[dict[str, Any]]:
    """The spaces as records for the report: a row a dimension, a column an arm, and their count last."""
    spaces = {name: space(arms.find(name), min_epochs, max_epochs, backbone) for name in names}
    rows: list[dict[str, Any]] = []
    for shared in next(iter(spaces.values()))[:-1]:
        cells = {name: str(next(d for d in dims if d.name == shared.name)) for name, dims in spaces.items()}
        rows.append({"dimension": shared.name, **cells})
    rows.append({"dimension": "own"} | {name: f"{dims[-1].name} {dims[-1]}" for name, dims in spaces.items()})
    rows.append({"dimension": "count"} | {name: str(len(dims)) for name, dims in spaces.items()})
    return rows


def _around(name: str, centre: float, width: float) -> Dimension:
    return Dimension(name, "float", centre / width**0.5, centre * width**0.5, log=True)
