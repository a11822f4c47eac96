"""Batch normalisation with its activation, and with the pooling that follows, in compiled passes on the CPU.

The library reads and writes the maps once for every one of the three, forward and backward; here they are one pass
over the statistics and one over the values. Elsewhere, and without numba, the library computes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.training.kernels import loops_for, pixels

LANES = 128  # values that a row of few channels is filled up to


class QuickNorm(nn.BatchNorm2d):
    """A `BatchNorm2d`, or timm's with an activation, whose activation is none, ReLU or ReLU6."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W), normalised and activated."""
        loops = _loops(self, inputs)
        if loops is None:
            return super().forward(inputs)
        outputs: Tensor = _Norm.apply(inputs, self.weight, self.bias, self, loops)
        return outputs

    def clamp(self) -> tuple[np.float32, np.float32]:
        """The range that the activation leaves."""
        act = getattr(self, "act", None)
        low = 0.0 if isinstance(act, (nn.ReLU, nn.ReLU6)) else -math.inf
        return np.float32(low), np.float32(6.0 if isinstance(act, nn.ReLU6) else math.inf)


class NormReluPool(nn.BatchNorm2d):
    """Batch normalisation, ReLU and the maximum over windows of 2 x 2, as one layer."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H // 2, W // 2)."""
        loops = _loops(self, inputs)
        if loops is None or min(inputs.shape[2:]) < 2:
            return F.max_pool2d(F.relu(super().forward(inputs)), 2)
        outputs: Tensor = _NormReluPool.apply(inputs, self.weight, self.bias, self, loops)
        return outputs


def norm_can_be_quick(part: nn.BatchNorm2d) -> bool:
    """Whether a normalisation is of the kind that `QuickNorm` computes."""
    from timm.layers.norm_act import BatchNormAct2d

    if type(part) is BatchNormAct2d:
        plain = type(part.drop) is nn.Identity and type(part.act) in (nn.Identity, nn.ReLU, nn.ReLU6)
    else:
        plain = type(part) is nn.BatchNorm2d
    return plain and part.affine and part.track_running_stats and part.momentum is not None


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, norm: QuickNorm, loops: ModuleType) -> Tensor:
        kept = _statistics(norm, inputs, loops)
        outputs = torch.empty_like(inputs)
        low, high = norm.clamp()
        loops.norm(_rows(inputs), kept, low, high, _rows(outputs))
        ctx.save_for_backward(inputs)
        ctx.kept, ctx.clamp, ctx.loops = kept, (low, high), loops
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        return *_gradients(ctx, gradients[0], ctx.loops.norm_gradient, _rows, *ctx.clamp), None, None


class _NormReluPool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, norm: NormReluPool, loops: ModuleType
    ) -> Tensor:
        kept = _statistics(norm, inputs, loops)
        count, channels, height, width = inputs.shape
        outputs = inputs.new_empty((count, height // 2, width // 2, channels)).permute(0, 3, 1, 2)
        loops.pool(pixels(inputs), kept, pixels(outputs))
        ctx.save_for_backward(inputs)
        ctx.kept, ctx.loops = kept, loops
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        return *_gradients(ctx, gradients[0], ctx.loops.pool_gradient, pixels), None, None


def _gradients(
    ctx: Any,
    arriving: Tensor,
    loop: Callable[..., None],
    view: Callable[[Tensor], npt.NDArray[Any]],
    *clamp: np.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of input, weight and bias, by a compiled loop that reads and writes the maps as `view` gives them."""
    (inputs,) = ctx.saved_tensors
    arriving = arriving.contiguous(memory_format=torch.channels_last)
    result, (for_weight, for_bias) = torch.empty_like(inputs), torch.empty(2, inputs.shape[1])
    loop(view(inputs), view(arriving), ctx.kept, *clamp, for_weight.numpy(), for_bias.numpy(), view(result))
    return result, for_weight, for_bias


def _loops(norm: nn.BatchNorm2d, inputs: Tensor) -> ModuleType | None:
    """The compiled loops where they serve: they know no gradient through the running statistics.

    One value a channel has no spread: the library says so.
    """
    if norm.training:
        return loops_for(inputs) if inputs.numel() > inputs.shape[1] else None
    return None if torch.is_grad_enabled() else loops_for(inputs)


def _statistics(norm: nn.BatchNorm2d, inputs: Tensor, loops: ModuleType) -> npt.NDArray[np.float64]:
    """(4, C): see `compiled.statistics`."""
    assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
    if norm.training:
        norm.num_batches_tracked.add_(1)
    kept = np.empty((4, inputs.shape[1]))
    by_channel = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    arrays = (values.detach().numpy() for values in by_channel)
    loops.statistics(_rows(inputs), *arrays, norm.momentum, norm.eps, norm.training, kept)
    return kept


def _rows(images: Tensor) -> npt.NDArray[Any]:
    """(B, C, H, W) channels last as rows of pixels (M, C r), r a power of two, with `LANES` values where it can."""
    channels = images.shape[1]
    count = images.numel() // channels
    repeats = 1
    while 2 * repeats * channels <= LANES and count % (2 * repeats) == 0:
        repeats *= 2
    return pixels(images).reshape(-1, channels * repeats)
