"""Low-rank adapters on the layers of a frozen backbone (LoRA, Hu et al. 2022)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from benchmark.methods import Dimension, NetworkSpec, Parameters, Value
from benchmark.methods._pretrained import Pretrained, prepare

if TYPE_CHECKING:
    from torch import nn

    from benchmark.training.network import Network

__all__ = ["prepare"]

NAME = "lora"
TITLE = "frozen, with low-rank adapters"
WEIGHTS = True
LEARNING_RATE = 3e-3  # adapters take larger steps than the weights that they stand in for
WEIGHT_DECAY = 1e-3
#: Which layers, those of the last stage or all, and the adapters' rank.
OWN = Dimension("adapters", "choice", choices=("last:8", "all:4", "all:16"))
OWN_DEFAULT: Value = "all:4"


def build(prepared: Pretrained, spec: NetworkSpec, parameters: Parameters) -> Network:
    """The backbone, frozen but for its adapters, and a new linear head; a trunk without adapters is cached."""
    from torch import nn

    from benchmark.training.low_rank import adapt
    from benchmark.training.network import Head, Network, Normalise
    from benchmark.weights.build import feature_width
    from benchmark.weights.stages import split

    where, _, rank = str(parameters["adapters"]).partition(":")
    normalise = Normalise(prepared.mean, prepared.std)
    head = Head(feature_width(prepared.backbone), spec.outputs)
    stages, frozen = split(prepared.backbone), split(prepared.frozen)
    if where == "last" and frozen.trunk is not None and stages.last is not None:
        learned = nn.Sequential(_adapted(stages.last, int(rank)), head)
        return Network(learned, nn.Sequential(normalise, frozen.trunk), "trunk")
    backbone = copy.deepcopy(prepared.backbone).requires_grad_(False)
    names = None if where == "all" else stages.last_parameters
    adapt(backbone, int(rank), names)
    return Network(nn.Sequential(normalise, backbone, head))


def _adapted(module: nn.Module, rank: int) -> nn.Module:
    from benchmark.training.low_rank import adapt

    own = copy.deepcopy(module).requires_grad_(False)
    adapt(own, rank)
    return own
