"""Training from random weights: a network of our own, or a backbone as timm initialises it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.methods import Dimension, NetworkSpec, Parameters, Value, _harmonic, _simple_cnn

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.weights.find import WeightFile

NAME = "scratch"
TITLE = "from random weights"
WEIGHTS = False
NETWORKS = (_simple_cnn.NAME, _harmonic.NAME)
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
OWN = Dimension("drop_path", "choice", choices=(0.0, 0.1, 0.2))
OWN_DEFAULT = 0.0

#: For families without residual paths that can be dropped: DenseNet, VGG, ...
DROPOUT = Dimension("dropout", "choice", choices=(0.0, 0.25, 0.5))

_OURS = {module.NAME: module for module in (_simple_cnn, _harmonic)}


def own_for(backbone: str) -> tuple[Dimension, Value]:
    """The width of our own network; stochastic depth of a backbone, or dropout of its features where it has none."""
    if backbone in _OURS:
        return _OURS[backbone].OWN, _OURS[backbone].OWN_DEFAULT

    from benchmark.weights.build import traits

    return (OWN if traits(backbone).drop_path else DROPOUT), OWN_DEFAULT


def prepare(spec: NetworkSpec, weights: WeightFile | None) -> None:
    """Nothing is shared between fits."""


def build(prepared: Any, spec: NetworkSpec, parameters: Parameters) -> Network:
    """A backbone with stochastic depth (Huang et al. 2016) or dropout, and a linear head; or a network of our own."""
    if spec.backbone in _OURS:
        network: Network = _OURS[spec.backbone].build(spec, parameters)
        return network

    from torch import nn

    from benchmark.training.network import Head, Network, Normalise
    from benchmark.training.quick_layers import quicken
    from benchmark.weights.build import feature_width
    from benchmark.weights.load import load_backbone, normalisation

    drop_path = float(parameters.get("drop_path", 0.0))
    backbone = quicken(load_backbone(spec.backbone, None, image_size=spec.image_size, drop_path_rate=drop_path))
    head: nn.Module = Head(feature_width(backbone), spec.outputs)
    if DROPOUT.name in parameters:
        head = nn.Sequential(nn.Dropout(float(parameters[DROPOUT.name])), head)
    return Network(nn.Sequential(Normalise(*normalisation(None)), backbone, head))
