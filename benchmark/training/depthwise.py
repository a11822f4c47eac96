"""Depthwise convolutions as `Conv2d` gives them, with two quick ways on the CPU.

The library's gradient of a depthwise kernel takes a third of a training step of an EfficientNet: a compiled loop takes
its place. And at 32 px the last blocks work on maps of one pixel, where a padded kernel's centre alone touches the
image: there it is a product.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.training.kernels import loops_for, pixels

Pads = tuple[int, int, int, int]  # left, right, top, bottom, as `F.pad` takes them


class QuickDepthwise(nn.Conv2d):
    """A depthwise convolution of odd, square kernel with zero padding that keeps the centre, of either style.

    Laid before `Conv2d`, or before timm's `Conv2dSame`, whose padding follows the image's size.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H', W')."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        size = self.kernel_size[0]
        if inputs.shape[2:] == (1, 1):
            outputs = inputs * self.weight[:, 0, size // 2, size // 2].to(inputs.dtype).view(1, -1, 1, 1)
        elif learns and loops_for(inputs) is not None:
            pads: Pads = (size // 2,) * 4
            if self.padding != (size // 2, size // 2):
                pads = same_pads(inputs.shape[2], inputs.shape[3], size, self.stride[0])
            outputs = _Depthwise.apply(inputs, self.weight, self.stride[0], pads)
        elif learns and inputs.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):  # the library's gradient in half precision is slower still
                return super().forward(inputs.float())
        else:
            return super().forward(inputs)
        return outputs if self.bias is None else outputs + self.bias.to(outputs.dtype).view(1, -1, 1, 1)


def depthwise_can_be_quick(part: nn.Conv2d) -> bool:
    """Whether a convolution is of the kind that `QuickDepthwise` computes."""
    from timm.layers.conv2d_same import Conv2dSame

    odd = part.kernel_size[0] == part.kernel_size[1] and part.kernel_size[0] % 2 == 1
    plain = part.padding_mode == "zeros" and part.dilation == (1, 1) and part.stride[0] == part.stride[1]
    same = type(part) is Conv2dSame
    centred = type(part) is nn.Conv2d and part.padding == (part.kernel_size[0] // 2,) * 2
    return odd and plain and (same or centred) and part.groups == part.in_channels == part.out_channels > 1


def same_pads(height: int, width: int, size: int, stride: int) -> Pads:
    """TensorFlow's "same" padding: ceil(H / stride) rows come out, and an odd row of zeros goes to the end."""
    rows, columns = (max(0, (-(-n // stride) - 1) * stride + size - n) for n in (height, width))
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


class _Depthwise(torch.autograd.Function):
    """The library's convolution, and compiled loops for its gradients, in single precision or bfloat16."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, stride: int, pads: Pads) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.stride, ctx.pads = stride, pads
        padded, margin = inputs, (pads[2], pads[0])
        if pads[0] != pads[1] or pads[2] != pads[3]:
            padded, margin = F.pad(inputs, pads), (0, 0)
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(padded, weight.to(inputs.dtype), None, stride, margin, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        inputs, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        loops = loops_for(inputs)
        assert loops is not None
        left, _, top, _ = ctx.pads
        for_inputs = for_weight = None
        if ctx.needs_input_grad[0]:
            if ctx.stride == 1:
                for_inputs = _library_gradient(gradient, inputs, weight, (top, left))
            else:  # which the library computes for padded images, and in bfloat16 a hundred times slower
                for_inputs = torch.empty_like(inputs)
                kernel = weight.detach()[:, 0].permute(1, 2, 0).contiguous().numpy()
                loops.depthwise_input_gradient(pixels(gradient), kernel, ctx.stride, top, left, pixels(for_inputs))
        if ctx.needs_input_grad[1]:
            out = torch.empty(*weight.shape[2:], len(weight))
            loops.depthwise_weight_gradient(pixels(inputs), pixels(gradient), ctx.stride, top, left, out.numpy())
            for_weight = out.permute(2, 0, 1).unsqueeze(1)
        return for_inputs, for_weight, None, None


def _library_gradient(gradient: Tensor, inputs: Tensor, weight: Tensor, margin: tuple[int, int]) -> Tensor:
    """Of the input, at stride 1."""
    result: Tensor = torch.ops.aten.convolution_backward(
        gradient, inputs, weight.to(inputs.dtype), None, [1, 1], margin, [1, 1], False, [0, 0], len(weight),
        [True, False, False],
    )[0]  # fmt: skip
    return result
