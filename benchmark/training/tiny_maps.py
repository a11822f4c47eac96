"""Depthwise convolutions on maps of one pixel, where only the kernel's centre touches the image.

At 32 px the last blocks of an EfficientNet work on 1 x 1 maps. There a padded depthwise convolution multiplies each
channel by one weight, but the CPU library's kernels take a sixth of a training step for it.
"""

from __future__ import annotations

from torch import Tensor, nn


class CentreDepthwise(nn.Conv2d):
    """A depthwise `Conv2d` with an odd kernel and "same" padding, quick on maps of one pixel."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H', W'), as `Conv2d`."""
        if inputs.shape[2:] != (1, 1):
            return super().forward(inputs)
        centre = self.weight[:, 0, self.kernel_size[0] // 2, self.kernel_size[1] // 2].view(1, -1, 1, 1)
        return inputs * centre if self.bias is None else inputs * centre + self.bias.view(1, -1, 1, 1)


def patch_depthwise(module: nn.Module) -> nn.Module:
    """Give a model's depthwise convolutions the quick path, in place; its parameters and their names stay."""
    for part in module.modules():
        if type(part) is nn.Conv2d and _centred_depthwise(part):
            part.__class__ = CentreDepthwise
    return module


def _centred_depthwise(part: nn.Conv2d) -> bool:
    same = all(size % 2 == 1 and pad == size // 2 for size, pad in zip(part.kernel_size, part.padding, strict=True))
    plain = part.padding_mode == "zeros" and part.dilation == (1, 1)
    return same and plain and part.groups == part.in_channels == part.out_channels > 1
