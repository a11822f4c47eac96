"""Which kernels train on the CPU: compiled loops of ours where numba is installed, else the library's alone.

The two agree to rounding, so a run records which it used, and results are the same bits for the same one.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from types import ModuleType

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
    """The compiled loops where they can read these (B, C, H, W) images: float32, channels last, on the CPU."""
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32 or inputs.numel() == 0:
        return None
    return compiled() if inputs.is_contiguous(memory_format=torch.channels_last) else None
