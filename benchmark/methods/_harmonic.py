"""A compact harmonic network, which is meant for few images and starts from random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.methods import Dimension, NetworkSpec, Parameters

if TYPE_CHECKING:
    from benchmark.training.network import Network

NAME = "harmonic"
#: The filters' two frequencies add up to less: 3 of the 9 filters, 6, or all.
OWN = Dimension("frequencies", "choice", choices=(2, 3, 5))
OWN_DEFAULT = 3

WIDTH, STAGES = 16, 4  # the width doubles and the side halves with each stage


def build(spec: NetworkSpec, parameters: Parameters) -> Network:
    """Four stages as the simple CNN's, of harmonic kernels; each but the first with a second convolution beside.

    Harmonic kernels, in larger networks, were the best on skin lesions with 80 images a class in a benchmark of small
    data sets (Brigato et al. 2022); this one is as small as the simple CNN.
    """
    from torch import nn

    from benchmark.training.harmonic import Beside, Harmonic, HarmonicStem
    from benchmark.training.network import Head, Network, Normalise
    from benchmark.training.norms import NormReluPool

    below = int(parameters["frequencies"])
    layers: list[nn.Module] = [Normalise([0.5] * spec.channels, [0.25] * spec.channels)]
    layers += [HarmonicStem(spec.channels, WIDTH), NormReluPool(WIDTH)]
    width = WIDTH
    for _ in range(STAGES - 1):
        layers += [Harmonic(width, 2 * width, below), NormReluPool(2 * width), Beside(2 * width, below)]
        width *= 2
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(width, spec.outputs)]
    return Network(nn.Sequential(*layers))
