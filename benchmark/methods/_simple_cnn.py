"""A simple CNN, which starts from random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.methods import Dimension, NetworkSpec, Parameters

if TYPE_CHECKING:
    from benchmark.training.network import Network

NAME = "simple-cnn"
OWN = Dimension("width", "choice", choices=(8, 16, 24))
OWN_DEFAULT = 16

STAGES = 4  # width doubles and the side halves with each


def build(spec: NetworkSpec, parameters: Parameters) -> Network:
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
