"""What an arm is: a way to get a model, and what is searched for it besides the shared dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

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
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Value, ...] = ()

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
class Setting:
    """What a network is built for.

    Attributes:
        backbone: timm's name of the backbone that B, C and the control share.
        channels: 1 or 3, of the data set's images.
        outputs: K, the number of classes or labels.
    """

    backbone: str
    channels: int
    outputs: int


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
    """

    NAME: str
    TITLE: str
    ROLE: Literal["imagenet", "medical"] | None
    LEARNING_RATE: float
    WEIGHT_DECAY: float
    OWN: Dimension
    OWN_DEFAULT: Value

    def prepare(self, setting: Setting, weights: WeightFile | None) -> Any:
        """What can be made once for all fits of a cell, such as the loaded backbone."""
        ...

    def build(self, prepared: Any, setting: Setting, parameters: Parameters) -> Network:
        """A fresh network for one fit; torch's global generator has been seeded."""
        ...
