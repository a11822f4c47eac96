"""Give a model the quick layers, in place: its parameters, their names and what it computes stay."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import nn

from benchmark.training.depthwise import QuickDepthwise, depthwise_can_be_quick
from benchmark.training.norms import QuickNorm, norm_can_be_quick
from benchmark.training.pointwise import QuickPointwise, pointwise_can_be_quick


def quicken(model: nn.Module) -> nn.Module:
    """Lay a quick class before the class of every layer that has one."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d) and depthwise_can_be_quick(part):
            _lay_before(part, QuickDepthwise)
        elif isinstance(part, nn.Conv2d) and pointwise_can_be_quick(part):
            _lay_before(part, QuickPointwise)
        elif isinstance(part, nn.BatchNorm2d) and norm_can_be_quick(part):
            _lay_before(part, QuickNorm)
    return model


def _lay_before(part: Any, quick: Any) -> None:
    part.__class__ = _both(quick, part.__class__)


@cache
def _both(quick: Any, base: Any) -> Any:
    return type(f"{quick.__name__}Of{base.__name__}", (quick, base), {})
