"""What the methods share that start from weights: a loaded backbone, and its frozen parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.methods import NetworkSpec

if TYPE_CHECKING:
    from torch import nn

    from benchmark.weights.find import WeightFile


@dataclass(frozen=True)
class Pretrained:
    """A loaded backbone, never trained itself: every fit works on copies of what it changes.

    Attributes:
        backbone: as it is trained.
        frozen: the same function in evaluation mode and the run's precision, made to be quick.
        mean, std: of the images that it takes.
    """

    backbone: nn.Module
    frozen: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]


def prepare(spec: NetworkSpec, weights: WeightFile | None) -> Pretrained:
    """Load the backbone's weights once."""
    import torch

    from benchmark.training.folding import PROBE, cast_once, folded
    from benchmark.training.quick_layers import quicken
    from benchmark.weights.load import load_backbone, normalisation

    backbone = quicken(load_backbone(spec.backbone, weights, image_size=spec.image_size))
    backbone = backbone.to(memory_format=torch.channels_last)
    mean, std = normalisation(weights)
    frozen = folded(backbone)
    if spec.precision == "bfloat16":
        frozen = cast_once(frozen, spec.image_size or PROBE)
    return Pretrained(backbone, frozen, mean, std)
