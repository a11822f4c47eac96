"""Arm A: a simple CNN, trained on the subsample alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.arms import Dimension, NetworkSpec, Parameters

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

NAME = "scratch"
TITLE = "simple CNN from scratch"
ROLE = None
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("width", "choice", choices=(8, 16, 24))
OWN_DEFAULT = 16

STAGES = 4  # width doubles and the side halves with each


def prepare(spec: NetworkSpec, weights: WeightFile | None) -> None:
    """Nothing is shared between fits."""


def build(prepared: Any, spec: NetworkSpec, parameters: Parameters) -> Network:
    """Four stages of convolution, batch normalisation, ReLU and max-pooling, then the mean and a linear layer."""
    from torch import nn

    from benchmark.training.network import Head, Network, Normalise
    from benchmark.training.norms import NormReluPool

    layers: list[nn.Module] = [Normalise([0.5] * spec.channels, [0.25] * spec.channels)]
    channels = spec.channels
    for stage in range(STAGES):
        width = int(parameters["width"]) * 2**stage
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            NormReluPool(width),
        ]
        channels = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(channels, spec.outputs)]
    return Network(nn.Sequential(*layers))
