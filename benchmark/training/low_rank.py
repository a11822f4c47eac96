"""Low-rank adapters: a frozen kernel W, and what is learned beside it, W + B A, where B begins at zero."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """Adds a product of two thin matrices to a kernel (Hu et al. 2022, equation 3, with a scale of 1).

    A kernel of a convolution is taken as a matrix, output channels by all the rest.
    """

    def __init__(self, kernel: Tensor, rank: int) -> None:
        """Draw A, (rank, inputs), and let B, (outputs, rank), be zero: the network begins as it was."""
        super().__init__()
        inputs = kernel[0].numel()
        self.down = nn.Parameter(torch.randn(rank, inputs, device=kernel.device) * inputs**-0.5)
        self.up = nn.Parameter(torch.zeros(len(kernel), rank, device=kernel.device))

    def forward(self, kernel: Tensor) -> Tensor:
        """The kernel with what was learned."""
        return kernel + (self.up @ self.down).view_as(kernel)


def adapt(module: nn.Module, rank: int, names: Collection[str] | None = None) -> int:
    """Lay adapters on the linear layers and dense convolutions of a module, in place.

    A layer is left as it is where the adapter would have as many parameters as its kernel; so are depthwise
    convolutions, whose kernels are thin already.

    Args:
        module: frozen.
        rank: of the adapters, at least 1.
        names: of the parameters that may be adapted; None = all.

    Returns:
        Number of adapters.
    """
    adapted = 0
    for name, part in list(module.named_modules()):
        dense = isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.groups == 1)
        if not dense or (names is not None and f"{name}.weight" not in names):
            continue
        kernel = part.weight
        if rank * (len(kernel) + kernel[0].numel()) < kernel.numel():
            parametrize.register_parametrization(part, "weight", LowRank(kernel, rank))
            adapted += 1
    return adapted
