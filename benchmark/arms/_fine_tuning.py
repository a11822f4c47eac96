"""What the transfer arms share: a pretrained backbone, fine-tuned to a searched depth."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.arms import Dimension, NetworkSpec, Parameters, Value

if TYPE_CHECKING:
    from torch import nn

    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("depth", "choice", choices=("head", "last", "all"))
OWN_DEFAULT: Value = "all"


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


def build(prepared: Pretrained, spec: NetworkSpec, parameters: Parameters) -> Network:
    """The backbone with a new linear head; below the searched depth it is frozen, and its features shared."""
    from torch import nn

    from benchmark.training.network import Head, Network, Normalise
    from benchmark.weights.build import feature_width
    from benchmark.weights.stages import split

    normalise = Normalise(prepared.mean, prepared.std)
    head = Head(feature_width(prepared.backbone), spec.outputs)
    depth = parameters["depth"]
    if depth == "all":
        return Network(nn.Sequential(normalise, copy.deepcopy(prepared.backbone), head))
    stages, frozen = split(prepared.backbone), split(prepared.frozen)
    if frozen.trunk is None or frozen.last is None or stages.last is None:
        if depth == "head":
            return Network(head, nn.Sequential(normalise, prepared.frozen), "backbone")
        backbone = copy.deepcopy(prepared.backbone)
        for name, parameter in backbone.named_parameters():
            parameter.requires_grad_(name in stages.last_parameters)
        return Network(nn.Sequential(normalise, backbone, head))
    trunk = nn.Sequential(normalise, frozen.trunk)
    if depth == "last":
        return Network(nn.Sequential(copy.deepcopy(stages.last), head), trunk, "trunk")
    return Network(head, frozen.last, "backbone", below=Network(head, trunk, "trunk"))
