"""The ways to fit an arm, one file each, found by being there, and what such a file must offer.

There are two kinds. A *trained* method builds a network, which the engine trains: it has LEARNING_RATE, WEIGHT_DECAY,
OWN, OWN_DEFAULT and `build`, and shares the optimiser's dimensions with all of its kind. A *fitted* method fits a
classifier to frozen features at once: it has DIMENSIONS, DEFAULTS and `fit`. Both search as many dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from benchmark.discovery import Constant, Function, Kind

if TYPE_CHECKING:
    from benchmark.results import Task
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

Value = float | int | str
Parameters = Mapping[str, Value]
Floats = npt.NDArray[np.float64]

#: (M, D) features to (M, K) probabilities.
Classifier = Callable[[Floats], Floats]

SHARED = 5  # dimensions of every trained method
SEARCHED = SHARED + 1  # dimensions of every method


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
        backbone: timm's name of the arm's network, or that of one of its method's own.
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


class Method(Protocol):
    """What each file in this folder offers, by these names. Adding a method is adding such a file.

    Attributes:
        NAME: the name in an arm's definition, and that of the arm that is nothing but this method.
        TITLE: what it does to a backbone, in a few words for people: "fine-tuned".
        WEIGHTS: whether it starts from a weight file.

    A file may also offer NETWORK, the name of the network that it brings and that no arm need name; NETWORKS, names of
    more networks of its own that an arm may name as its backbone; and `own_for(backbone)`: (OWN, OWN_DEFAULT), or
    others, of as many values, for a backbone that cannot be built with OWN.
    """

    NAME: str
    TITLE: str
    WEIGHTS: bool

    def prepare(self, spec: NetworkSpec, weights: WeightFile | None) -> Any:
        """What can be made once for all fits of a cell, such as the loaded backbone."""
        ...


class Trained(Method, Protocol):
    """A method whose networks the engine trains.

    Attributes:
        LEARNING_RATE, WEIGHT_DECAY: centres of the method's ranges, whose widths all share; together with
            `studies.spaces.DEFAULTS` they are its published default, which is trial 0.
        OWN: its one dimension of its own.
        OWN_DEFAULT: its value in trial 0.
    """

    LEARNING_RATE: float
    WEIGHT_DECAY: float
    OWN: Dimension
    OWN_DEFAULT: Value

    def build(self, prepared: Any, spec: NetworkSpec, parameters: Parameters) -> Network:
        """A fresh network for one fit; torch's global generator has been seeded."""
        ...


class Fitted(Method, Protocol):
    """A method that fits a classifier to frozen features: the same features give the same classifier.

    Its `prepare` is that of `benchmark.methods._frozen`, which says what the features are.

    Attributes:
        DIMENSIONS: its search space; "layer", "pooling" and, where it has it, "views" say which features.
        DEFAULTS: the values of trial 0.
    """

    DIMENSIONS: tuple[Dimension, ...]
    DEFAULTS: Parameters

    def fit(self, features: Floats, targets: Floats, task: Task, parameters: Parameters) -> Classifier:
        """Fit to (N, D) features and (N, K) targets, one-hot, or 0/1 with NaN for unknown labels."""
        ...


_TRAINED = {
    "LEARNING_RATE": Constant((float,), "LEARNING_RATE = 1e-3"),
    "WEIGHT_DECAY": Constant((float,), "WEIGHT_DECAY = 1e-3"),
    "OWN": Constant((Dimension,), 'OWN = Dimension("width", "choice", choices=(8, 16, 24))'),
    "OWN_DEFAULT": Constant((float, int, str), "OWN_DEFAULT = 16"),
}
_FITTED = {
    "DIMENSIONS": Constant((tuple,), 'DIMENSIONS = (Dimension("k", "int", 1, 64, log=True), ...)'),
    "DEFAULTS": Constant((dict,), 'DEFAULTS = {"k": 10, ...}'),
}
_BUILD = Function(("prepared", "spec", "parameters"), "def build(prepared, spec, parameters): ...")
_FIT = Function(("features", "targets", "task", "parameters"), "def fit(features, targets, task, parameters): ...")


def _violation(module: ModuleType) -> str | None:
    """What is wrong with a method beyond its names and types, or None."""
    constants, function = (_FITTED, ("fit", _FIT)) if hasattr(module, "fit") else (_TRAINED, ("build", _BUILD))
    for name, constant in constants.items():
        if not hasattr(module, name):
            return f"it lacks {name}. Example: {constant.example}"
    if not hasattr(module, function[0]):
        return f"it lacks the function {function[0]}. Example: {function[1].example}"
    if hasattr(module, "fit"):
        if len(module.DIMENSIONS) != SEARCHED:
            return f"it searches {len(module.DIMENSIONS)} DIMENSIONS. Every method searches {SEARCHED}."
        outside = [d.name for d in module.DIMENSIONS if d.name not in module.DEFAULTS or not _default_holds(module, d)]
        return (
            f"its DEFAULTS lack a value in {', '.join(outside)}. Give one that the dimension has." if outside else None
        )
    if not module.OWN.holds(module.OWN_DEFAULT):
        return f"its OWN_DEFAULT {module.OWN_DEFAULT!r} is not in its OWN {module.OWN}. Take one of its values."
    return None


def _default_holds(module: ModuleType, dimension: Dimension) -> bool:
    return dimension.holds(module.DEFAULTS[dimension.name])


MODULES: Kind[Method] = Kind(
    "method",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "fine-tune"'),
        "TITLE": Constant((str,), 'TITLE = "fine-tuned"'),
        "WEIGHTS": Constant((bool,), "WEIGHTS = True  # it starts from a weight file"),
        "NETWORK": Constant((str,), 'NETWORK = "pixels"  # that it brings', needed=False),
        "NETWORKS": Constant((tuple,), 'NETWORKS = ("simple-cnn",)', needed=False),
        **{name: Constant(c.types, c.example, needed=False) for name, c in {**_TRAINED, **_FITTED}.items()},
    },
    functions={
        "prepare": Function(("spec", "weights"), "def prepare(spec, weights): ..."),
        "build": Function(_BUILD.parameters, _BUILD.example, needed=False),
        "fit": Function(_FIT.parameters, _FIT.example, needed=False),
        "own_for": Function(("backbone",), "def own_for(backbone: str) -> tuple[Dimension, Value]: ...", needed=False),
    },
    check=_violation,
)


def names() -> tuple[str, ...]:
    """Names of all methods, by alphabet."""
    return MODULES.names()


def all_methods() -> tuple[Method, ...]:
    """All methods, by alphabet."""
    return MODULES.all()


def find(name: str) -> Method:
    """The method of this name. Raises `InputError`, with the near miss, where there is none."""
    return MODULES.find(name)


def network_of(method: Method) -> str | None:
    """The network that a method brings, so that no arm need name one."""
    return getattr(method, "NETWORK", None)


def networks(method: Method) -> tuple[str, ...]:
    """Names of a method's own networks, which are not timm's."""
    brought = network_of(method)
    return (*((brought,) if brought else ()), *getattr(method, "NETWORKS", ()))


def is_trained(method: Method) -> bool:
    """Whether the engine trains its networks; else it is fitted at once."""
    return not hasattr(method, "fit")


def trained(method: Method) -> Trained:
    """A method as one whose networks the engine trains."""
    assert is_trained(method), method.NAME
    return cast("Trained", method)


def fitted(method: Method) -> Fitted:
    """A method as one that is fitted at once."""
    assert not is_trained(method), method.NAME
    return cast("Fitted", method)


def own_dimension(method: Trained, backbone: str) -> tuple[Dimension, Value]:
    """A trained method's own dimension, and its value in trial 0, with this backbone."""
    choose = getattr(method, "own_for", None)
    if choose is None:
        return method.OWN, method.OWN_DEFAULT
    dimension, default = choose(backbone)
    return dimension, default
