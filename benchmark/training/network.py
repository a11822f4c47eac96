"""What an arm hands to the engine: a frozen part that may be cached, and a part that learns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Network:
    """A classifier in two parts.

    Attributes:
        learned: maps the frozen part's features (or images, where nothing is frozen) to (B, K) logits.
        frozen: maps (B, C, H, W) images in [0, 1] to features, in evaluation mode and without gradients;
            None where everything learns.
        frozen_key: names the frozen part within a run: equal keys mean equal functions, so that features can
            be shared between the trials of a cell.
        below: a network whose frozen part comes before this one's, which then maps its features, not images: where
            they are at hand, this one's cost less.
    """

    learned: nn.Module
    frozen: nn.Module | None = None
    frozen_key: str = ""
    below: Network | None = None


class Head(nn.Linear):
    """The linear layer to the logits, in single precision whatever the network before it computes in."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) to (B, K) float32."""
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float())


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Products of matrices and convolutions in this precision ("float32" or "bfloat16"), as torch's autocast does."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


class Normalise(nn.Module):
    """Images in [0, 1] to the input that a backbone was trained with; grey images become three equal channels."""

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        scale = 1.0 / torch.tensor(std).view(1, -1, 1, 1)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", -torch.tensor(mean).view(1, -1, 1, 1) * scale, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1 or C, H, W) to (B, C, H, W)."""
        return torch.addcmul(self.shift, images, self.scale)
