"""The control: the shared backbone from random weights, which separates architecture from pretraining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from benchmark.arms import Dimension, NetworkSpec, Parameters

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

NAME = "scratch-same"
TITLE = "the shared backbone from random weights"
ROLE = None
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("drop_path", "choice", choices=(0.0, 0.1, 0.2))
OWN_DEFAULT = 0.0


def prepare(spec: NetworkSpec, weights: WeightFile | None) -> None:
    """Nothing is shared between fits."""


def build(prepared: Any, spec: NetworkSpec, parameters: Parameters) -> Network:
    """The backbone as timm initialises it, with stochastic depth (Huang et al. 2016) and a linear head."""
    from torch import nn

    from benchmark.training.network import Head, Network, Normalise
    from benchmark.training.quick_layers import quicken
    from benchmark.weights.load import load_backbone, normalisation

    backbone = quicken(load_backbone(spec.backbone, None, drop_path_rate=float(parameters["drop_path"])))
    head = Head(cast(int, backbone.num_features), spec.outputs)
    return Network(nn.Sequential(Normalise(*normalisation(None)), backbone, head))
