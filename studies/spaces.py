"""The search spaces, as data: as many dimensions for every method, and of trained ones the same but for one.

Every range of a shared dimension has the same width for every trained method; only the centres of the learning rate and
the weight decay move with it (declared in its file). A fitted method's dimensions take the place of these one for one.
So no arm is given more, or finer, freedom than another.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from benchmark import arms, methods
from benchmark.methods import SHARED, Dimension, Method, Value
from benchmark.spec import BenchmarkSpec

#: Width of the ranges of learning rate and weight decay, as the ratio of the upper to the lower end.
WIDTH = 1000.0

#: Trial 0 of every trained method, beside its own centres: aggressive augmentation.
DEFAULTS: dict[str, Value] = {"augmentation": 0.5, "label_smoothing": 0.1}


def space(method: Method, min_epochs: int, max_epochs: int, backbone: str) -> tuple[Dimension, ...]:
    """A method's search space with this backbone."""
    if not methods.is_trained(method):
        return methods.fitted(method).DIMENSIONS
    of = methods.trained(method)
    return (
        _around("learning_rate", of.LEARNING_RATE),
        _around("weight_decay", of.WEIGHT_DECAY),
        Dimension("epochs", "int", min_epochs, max_epochs, log=True),
        Dimension("augmentation", "float", 0.0, 1.0, step=0.25, natural_ends=("low", "high")),
        Dimension("label_smoothing", "float", 0.0, 0.2, step=0.05, natural_ends=("low",)),
        methods.own_dimension(of, backbone)[0],
    )


def default(method: Method, min_epochs: int, max_epochs: int, backbone: str) -> dict[str, Value]:
    """A method's published default: trial 0 of every study.

    Its epochs are the geometric middle, as its learning rate and weight decay are the centres of theirs: nothing is
    assumed of where in the range an arm is best, and a default that wins is no sign that the cap is too low.
    """
    if not methods.is_trained(method):
        return dict(methods.fitted(method).DEFAULTS)
    of = methods.trained(method)
    own, value = methods.own_dimension(of, backbone)
    return {
        "learning_rate": of.LEARNING_RATE,
        "weight_decay": of.WEIGHT_DECAY,
        "epochs": round(math.sqrt(min_epochs * max_epochs)),
        **DEFAULTS,
        own.name: value,
    }


def of_arm(name: str, spec: BenchmarkSpec) -> tuple[Dimension, ...]:
    """The search space of an arm of a run."""
    arm = arms.find(name, spec.definitions)
    backbone = arms.backbone_of(arm, spec.backbone)
    return space(arms.method_of(arm), spec.min_epochs, spec.max_epochs, backbone)


def as_records(spec: BenchmarkSpec) -> dict[str, list[dict[str, Any]]]:
    """Every arm's space as plain values for spec.json, from which the report tells the edges of the ranges."""
    return {name: [asdict(dimension) for dimension in of_arm(name, spec)] for name in spec.arms}


def side_by_side(spec: BenchmarkSpec) -> list[dict[str, Any]]:
    """The spaces as records for the report: a row a dimension, a column an arm, and their count last.

    A dimension that is not the row's is given with its name: it takes the place of the row's.
    """
    spaces = {name: of_arm(name, spec) for name in spec.arms}
    trained = [dims for name, dims in spaces.items() if methods.is_trained(_method(name, spec))]
    rows: list[dict[str, Any]] = []
    for place in range(SHARED):
        row = trained[0][place].name if trained else f"{place + 1}"
        shown = {name: dims[place] for name, dims in spaces.items()}
        rows.append({"dimension": row} | {n: str(d) if d.name == row else f"{d.name} {d}" for n, d in shown.items()})
    rows.append({"dimension": "own"} | {name: f"{dims[-1].name} {dims[-1]}" for name, dims in spaces.items()})
    rows.append({"dimension": "count"} | {name: str(len(dims)) for name, dims in spaces.items()})
    return rows


def _method(name: str, spec: BenchmarkSpec) -> Method:
    return arms.method_of(arms.find(name, spec.definitions))


def _around(name: str, centre: float) -> Dimension:
    return Dimension(name, "float", centre / WIDTH**0.5, centre * WIDTH**0.5, log=True)
