"""The control: the shared backbone from random weights, which separates architecture from pretraining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from benchmark.arms.contract import Dimension, Parameters, Setting

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


def prepare(setting: Setting, weights: WeightFile | None) -> None:
    """Nothing is shared between fits."""


def build(prepared: Any, setting: Setting, parameters: Parameters) -> Network:
    """The backbone as timm initialises it, with stochastic depth (Huang et al. 2016) and a linear head."""
    from torch import nn

    from benchmark.training.network import Network, Normalise
    from benchmark.training.tiny_maps import hasten
    from benchmark.weights.load import load_backbone, normalisation

    backbone = hasten(load_backbone(setting.backbone, None, drop_path_rate=float(parameters["drop_path"])))
    head = nn.Linear(cast(int, backbone.num_features), setting.outputs)
    return Network(nn.Sequential(Normalise(*normalisation(None)), backbone, head))
