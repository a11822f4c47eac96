"""Features of a frozen backbone for classifiers that are fitted at once: two depths, pooled in two ways."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.methods import Dimension, Floats, NetworkSpec, Parameters
from benchmark.methods import _pretrained as pretrained

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

LAYER = Dimension("layer", "choice", choices=("last", "trunk", "both"))
POOLING = Dimension("pooling", "choice", choices=("avg", "max", "avg+max"))
STANDARDISE = Dimension("standardise", "choice", choices=("none", "z-score", "l2"))

SMALLEST = 1e-12  # below which a spread or a norm counts as none


@dataclass(frozen=True)
class Frozen:
    """A backbone that gives an image one row of features, of which trials take columns.

    Attributes:
        network: all of it is frozen.
        widths: of the parts of a row: trunk's mean and maximum, last stage's own pooling and maximum.
    """

    network: Network
    widths: tuple[int, int, int, int]

    def columns(self, parameters: Parameters) -> npt.NDArray[np.intp]:
        """Of a row: those that a trial's layer and pooling ask for.

        The mean of the last stage is the network's own pooling (of many vision transformers the class token). A
        network that cannot be cut has its last stage alone.
        """
        ends = np.cumsum((0, *self.widths))
        parts = [np.arange(first, end) for first, end in pairwise(ends)]
        by_layer = {"trunk": parts[:2], "last": parts[2:], "both": parts}
        layer = str(parameters["layer"]) if self.widths[0] else "last"
        ways = {"avg": (0,), "max": (1,), "avg+max": (0, 1)}[str(parameters["pooling"])]
        return np.concatenate([part for place, part in enumerate(by_layer[layer]) if place % 2 in ways])


def prepare(spec: NetworkSpec, weights: WeightFile | None) -> Frozen:
    """Load the backbone once, and see how wide its features are."""
    import torch
    from torch import nn

    from benchmark.training.network import Network, Normalise, computing_in
    from benchmark.training.pooled import Pooled
    from benchmark.weights.build import traits
    from benchmark.weights.stages import split

    loaded = pretrained.prepare(spec, weights)
    stages = split(loaded.frozen)
    trunk, last = (None, loaded.frozen) if stages.last is None else (stages.trunk, stages.last)
    prefix = int(getattr(loaded.frozen, "num_prefix_tokens", 0))
    pooled = Pooled(trunk, last, prefix, getattr(loaded.frozen, "output_fmt", "NCHW") == "NHWC").eval()
    size = spec.image_size or traits(spec.backbone).native
    images = torch.zeros(1, 3, size, size).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), computing_in(spec.precision, images.device):
        *below, own, most = (part.shape[1] for part in pooled.parts(images))
    network = Network(nn.Identity(), nn.Sequential(Normalise(loaded.mean, loaded.std), pooled), "pooled")
    return Frozen(network, (below[0], below[1], own, most) if below else (0, 0, own, most))


class Scaling:
    """Standardisation as it was seen on training features, then to a mean squared norm of 1: (M, D) to (M, D).

    Without the last, one strength of regularisation would mean different things under different standardisations.
    """

    def __init__(self, features: Floats, how: str) -> None:
        """Take the (N, D) training features, and "none", "z-score" or "l2"."""
        self._to_unit = how == "l2"
        of = self._rows(features)
        self._mean = of.mean(axis=0)
        spread = of.std(axis=0) if how == "z-score" else np.ones(of.shape[1])
        self._spread = np.where(spread > SMALLEST, spread, 1.0)
        norm = np.sqrt((((of - self._mean) / self._spread) ** 2).sum(axis=1).mean())
        self._spread *= max(norm, SMALLEST)

    def __call__(self, features: Floats) -> Floats:
        """Scale features."""
        return np.asarray((self._rows(features) - self._mean) / self._spread)

    def _rows(self, features: Floats) -> Floats:
        if not self._to_unit:
            return features
        return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), SMALLEST))
