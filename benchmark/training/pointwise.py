"""Convolutions of one pixel: on channels-last images they are one matrix product, without the library's copies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QuickPointwise(nn.Conv2d):
    """A 1 x 1 convolution of stride 1, laid before `Conv2d` or a kin of it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        if inputs.device.type != "cpu" or not inputs.is_contiguous(memory_format=torch.channels_last):
            return super().forward(inputs)
        return F.linear(inputs.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def pointwise_can_be_quick(part: nn.Conv2d) -> bool:
    """Whether a convolution is of the kind that `QuickPointwise` computes."""
    return (
        type(part) is nn.Conv2d
        and part.kernel_size == part.stride == (1, 1)
        and part.padding == (0, 0)
        and part.groups == 1
    )
