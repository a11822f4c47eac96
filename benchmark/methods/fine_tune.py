"""Fine-tuning of a pretrained backbone, to a searched depth."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from benchmark.methods import Dimension, NetworkSpec, Parameters, Value
from benchmark.methods._pretrained import Pretrained, prepare

if TYPE_CHECKING:
    from benchmark.training.network import Network

__all__ = ["prepare"]

NAME = "fine-tune"
TITLE = "fine-tuned"
WEIGHTS = True
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("depth", "choice", choices=("head", "last", "all"))
OWN_DEFAULT: Value = "all"


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
