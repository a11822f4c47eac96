"""What an arm hands to the engine: a frozen part that may be cached, and a part that learns."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    learned: nn.Module
    frozen: nn.Module | None = None
    frozen_key: str = ""


class Normalise(nn.Module):
    """Images in [0, 1] to the input that a backbone was trained with; grey images become three equal channels."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1 or C, H, W) to (B, C, H, W)."""
        return (images - self.mean) / self.std
