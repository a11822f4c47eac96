"""Convolutions whose kernels are sums of cosines: few, smooth kernels for few images.

Ulicny, Krylov and Dahyot 2022, "Harmonic convolutional networks based on discrete cosine transform", Pattern
Recognition 129: a kernel is a learned combination of the filters of the two-dimensional DCT, of which the high
frequencies may be left out, and responses may be normalised before they are combined: here those of the first layer.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 3  # of the kernels, in pixels


def filters(below: int) -> Tensor:
    """(F, 3, 3) orthonormal filters of the DCT-II whose two frequencies add up to less than `below`, low ones first."""
    grid = torch.arange(SIDE, dtype=torch.float64)
    waves = torch.stack([torch.cos(math.pi * (2 * grid + 1) * u / (2 * SIDE)) for u in range(SIDE)])
    waves = waves / waves.norm(dim=1, keepdim=True)
    pairs = [(u, v) for u in range(SIDE) for v in range(SIDE) if u + v < below]
    return torch.stack([torch.outer(waves[u], waves[v]) for u, v in sorted(pairs, key=sum)]).float()


class Harmonic(nn.Module):
    """A convolution of 3 x 3 whose kernels are combinations of filters: (B, I, H, W) to (B, O, H, W)."""

    bank: Tensor

    def __init__(self, inputs: int, outputs: int, below: int) -> None:
        """Draw the combinations; `below` limits the frequencies (`filters`)."""
        super().__init__()
        self.register_buffer("bank", filters(below), persistent=False)
        count = inputs * len(self.bank)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, len(self.bank)) * math.sqrt(2 / count))

    def forward(self, maps: Tensor) -> Tensor:
        """One convolution, with the kernels that the combinations make."""
        return F.conv2d(maps, torch.einsum("oif,fhw->oihw", self.weight, self.bank), padding=SIDE // 2)


class HarmonicStem(nn.Module):
    """The first layer: every channel's response to every filter, normalised, then combined at each pixel."""

    bank: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        """Take all frequencies: what an image is made of is not known beforehand."""
        super().__init__()
        self.register_buffer("bank", filters(2 * SIDE).repeat(inputs, 1, 1)[:, None], persistent=False)
        self._inputs = inputs
        self.norm = nn.BatchNorm2d(len(self.bank), affine=False)
        self.combine = nn.Conv2d(len(self.bank), outputs, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, I, H, W) to (B, O, H, W)."""
        responses = F.conv2d(images, self.bank, padding=SIDE // 2, groups=self._inputs)
        combined: Tensor = self.combine(self.norm(responses))
        return combined


class Beside(nn.Module):
    """Adds what a harmonic convolution makes of its input, at first nothing: the last scale begins at zero."""

    def __init__(self, width: int, below: int) -> None:
        """Keep the width."""
        super().__init__()
        self.convolution = Harmonic(width, width, below)
        self.norm = nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """The same shape."""
        return maps + F.relu(self.norm(self.convolution(maps)))
