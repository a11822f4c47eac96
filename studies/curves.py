"""How a fit went, by epoch: its training loss, and at a few epochs the validation value. Kept, and never acted on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.training.network import Network

EPOCHS_A_PASS = 20  # of training, for each pass over the validation images beside the last


@dataclass(frozen=True, slots=True)
class Curve:
    """One fold's fit, by epoch.

    Attributes:
        losses: mean training loss of every finished epoch, as it is trained on: augmented, mixed, labels smoothed.
        checked: the epochs that were validated, from 1.
        values: the tuned metric at each of these, in its natural units; NaN where a score was not finite.
    """

    losses: tuple[float, ...]
    checked: tuple[int, ...]
    values: tuple[float, ...]


@dataclass
class Recorder:
    """Fills a curve while a network is fitted: the `watch` of `benchmark.training.engine.fit`.

    Attributes:
        epochs: that the fit will take.
        validate: the value of a network that is still being trained, NaN where it has none.
    """

    epochs: int
    validate: Callable[[Network], float]
    _losses: list[float] = field(default_factory=list)
    _values: dict[int, float] = field(default_factory=dict)

    def __call__(self, epoch: int, loss: float, network: Network) -> None:
        """Take in one epoch. The last one is validated by who evaluates the trial."""
        self._losses.append(loss)
        if epoch != self.epochs and epoch in checked_epochs(self.epochs):
            self._values[epoch] = self.validate(network)

    def curve(self, last: float | None = None) -> Curve:
        """What was recorded so far, with the value after the last epoch where there is one."""
        values = self._values if last is None else self._values | {self.epochs: last}
        return Curve(
            tuple(map(_short, self._losses)),
            tuple(values),
            tuple(map(_short, values.values())),
        )


def checked_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs to validate, rising: the last, half of it, a quarter, and so on.

    The half is always there, as what the second half brings says whether a curve still rises. There are no more passes
    over the validation images than one for every `EPOCHS_A_PASS` epochs (and one at least), so that they cost less than
    3% of the training: a pass forward takes about a third of an epoch of as many images.
    """
    points = [epochs]
    while points[-1] > 1 and len(points) <= max(1, epochs // EPOCHS_A_PASS):
        points.append(math.ceil(points[-1] / 2))
    return tuple(reversed(points))


def _short(value: float) -> float:
    """Six digits: what a float32 holds, in few characters of the journal."""
    return float(f"{value:.6g}")
