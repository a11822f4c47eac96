"""Which kernels train on the CPU: compiled loops of ours where numba is installed, else the library's alone.

The two agree to rounding, so a run records which it used, and results are the same bits for the same one.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor


@cache
def compiled() -> ModuleType | None:
    """The module of compiled loops; None without numba."""
    if find_spec("numba") is None:
        return None
    from benchmark.training import compiled as loops

    return loops


def loops_for(inputs: Tensor) -> ModuleType | None:
    """The compiled loops where they can read these (B, C, H, W) images: channels last, on the CPU, not empty."""
    readable = inputs.dtype in (torch.float32, torch.bfloat16) and inputs.device.type == "cpu" and inputs.numel() > 0
    return compiled() if readable and inputs.is_contiguous(memory_format=torch.channels_last) else None


def pixels(images: Tensor) -> npt.NDArray[Any]:
    """(B, C, H, W) channels last as an array (B, H, W, C), of 16-bit words where it is bfloat16; not a copy."""
    array = images.detach().permute(0, 2, 3, 1)
    return (array.view(torch.uint16) if array.dtype == torch.bfloat16 else array).numpy()
