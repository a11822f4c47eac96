"""A fitted network in numbers, for the report: layers, parameters, what of them was learned, how images come in."""

from __future__ import annotations

from typing import Any

from torch import nn

from benchmark.training.network import Network, Normalise


def described(network: Network) -> dict[str, Any]:
    """What a report says of a network, as plain values.

    Returns:
        "layers": modules with a weight of two dimensions or more (convolutions, linear maps, attention);
        "parameters": all, and "learned": those that training moved; of a frozen part the batch normalisation is folded
        into the weights before it, and is not counted. "mean", "std": of the normalisation of images in [0, 1], a
        number a channel; empty where the network has none of ours.
    """
    parts = [network.learned, *([] if network.frozen is None else [network.frozen])]
    modules = {id(module): module for part in parts for module in part.modules()}.values()
    parameters = {id(parameter): parameter for part in parts for parameter in part.parameters()}.values()
    learned = [parameter for parameter in network.learned.parameters() if parameter.requires_grad]
    normalise = next((module for module in modules if isinstance(module, Normalise)), None)
    return {
        "layers": sum(_has_weights(module) for module in modules),
        "parameters": sum(parameter.numel() for parameter in parameters),
        "learned": sum(parameter.numel() for parameter in learned),
        "mean": [] if normalise is None else _numbers(-normalise.shift / normalise.scale),
        "std": [] if normalise is None else _numbers(1 / normalise.scale),
    }


def _has_weights(module: nn.Module) -> bool:
    return any(parameter.dim() > 1 for parameter in module.parameters(recurse=False))


def _numbers(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values.flatten()]
