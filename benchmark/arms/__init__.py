"""The compared ways to get a model, one file each, found by being there, and what such a file must offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from benchmark.discovery import Constant, Function, Kind
from benchmark.weights.sources import ROLES, Role

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

Value = float | int | str
Parameters = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of a search space.

    Attributes:
        name: the parameter's name.
        kind: "float", "int" or "choice".
        low, high: the range, both ends included, of a float or an int.
        log: whether the range is searched on the log scale.
        step: grid of a float or an int that is not on the log scale.
        choices: the values of a "choice".
        natural_ends: the ends beyond which nothing could be searched (no augmentation at all), "low" or "high": a best
            trial there does not say that the range is too narrow.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Value, ...] = ()
    natural_ends: tuple[Literal["low", "high"], ...] = ()

    def __str__(self) -> str:
        if self.kind == "choice":
            return "{" + ", ".join(str(choice) for choice in self.choices) + "}"
        scale = " log" if self.log else f" step {self.step:g}" if self.step else ""
        return f"[{self.low:g}, {self.high:g}]{scale}"

    def holds(self, value: Value) -> bool:
        """Whether the value lies in this dimension."""
        if self.kind == "choice":
            return value in self.choices
        return not isinstance(value, str) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a network is built for.

    Attributes:
        backbone: timm's name of the backbone that all arms but the simple CNN share.
        channels: 1 or 3, of the data set's images.
        outputs: K, the number of classes or labels.
        image_size: side of the images in pixels; None = the backbone's own.
        precision: what the network but its head is going to compute in: "float32" or "bfloat16".
    """

    backbone: str
    channels: int
    outputs: int
    image_size: int | None = None
    precision: str = "float32"


class ArmModule(Protocol):
    """What each file in this folder offers, by these names. Adding an arm is adding such a file.

    Attributes:
        NAME: the name on the command line.
        TITLE: one line for people.
        ROLE: which pretrained weights it starts from: "imagenet", "medical", or None.
        LEARNING_RATE, WEIGHT_DECAY: centres of the arm's ranges, whose widths all arms share; together with
            `studies.spaces.DEFAULTS` they are the arm's published default, which is trial 0.
        OWN: the arm's one dimension of its own.
        OWN_DEFAULT: its value in trial 0.

    A file may also offer `own_for(backbone)`: (OWN, OWN_DEFAULT), or others, of as many values, for a backbone that
    cannot be built with OWN.
    """

    NAME: str
    TITLE: str
    ROLE: Role | None
    LEARNING_RATE: float
    WEIGHT_DECAY: float
    OWN: Dimension
    OWN_DEFAULT: Value

    def prepare(self, spec: NetworkSpec, weights: WeightFile | None) -> Any:
        """What can be made once for all fits of a cell, such as the loaded backbone."""
        ...

    def build(self, prepared: Any, spec: NetworkSpec, parameters: Parameters) -> Network:
        """A fresh network for one fit; torch's global generator has been seeded."""
        ...


def _violation(module: ModuleType) -> str | None:
    """What is wrong with an arm beyond its names and types, or None."""
    if module.ROLE not in (*ROLES, None):
        return f'its ROLE is {module.ROLE!r}. Example: ROLE = "imagenet", or "medical", or None for no weights'
    if not module.OWN.holds(module.OWN_DEFAULT):
        return f"its OWN_DEFAULT {module.OWN_DEFAULT!r} is not in its OWN {module.OWN}. Take one of its values."
    return None


MODULES: Kind[ArmModule] = Kind(
    "arm",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "imagenet"'),
        "TITLE": Constant((str,), 'TITLE = "backbone pretrained on ImageNet, fine-tuned"'),
        "ROLE": Constant((str, None), 'ROLE = "imagenet"  # or "medical", or None for no weights'),
        "LEARNING_RATE": Constant((float,), "LEARNING_RATE = 1e-3"),
        "WEIGHT_DECAY": Constant((float,), "WEIGHT_DECAY = 1e-3"),
        "OWN": Constant((Dimension,), 'OWN = Dimension("width", "choice", choices=(8, 16, 24))'),
        "OWN_DEFAULT": Constant((float, int, str), "OWN_DEFAULT = 16"),
    },
    functions={
        "prepare": Function(("spec", "weights"), "def prepare(spec, weights): ..."),
        "build": Function(("prepared", "spec", "parameters"), "def build(prepared, spec, parameters): ..."),
        "own_for": Function(("backbone",), "def own_for(backbone: str) -> tuple[Dimension, Value]: ...", needed=False),
    },
    check=_violation,
)


def own_dimension(arm: ArmModule, backbone: str) -> tuple[Dimension, Value]:
    """The arm's own dimension, and its value in trial 0, with this backbone."""
    choose = getattr(arm, "own_for", None)
    if choose is None:
        return arm.OWN, arm.OWN_DEFAULT
    dimension, default = choose(backbone)
    return dimension, default


def names() -> tuple[str, ...]:
    """Names of all arms, by alphabet."""
    return MODULES.names()


def find(name: str) -> ArmModule:
    """The arm of this name. Raises `InputError`, with the near miss, where there is none."""
    return MODULES.find(name)
