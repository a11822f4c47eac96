"""A network in numbers, against counting by hand."""

import torch
from torch import nn

from benchmark.training.description import described
from benchmark.training.network import Head, Network, Normalise


def test_layers_and_parameters_are_counted_once_and_the_normalisation_read_back():
    trunk = nn.Sequential(Normalise([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), nn.Conv2d(3, 4, 3, bias=False))
    network = Network(nn.Sequential(nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5), nn.Flatten(), Head(5, 2)), trunk, "trunk")
    assert described(network) == {
        "layers": 3,
        "parameters": 108 + 25 + 10 + 12,
        "learned": 25 + 10 + 12,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }


def test_what_does_not_learn_is_not_counted_as_learned():
    network = Network(nn.Sequential(nn.Linear(2, 3), Head(3, 2)))
    network.learned[0].requires_grad_(False)
    assert described(network)["learned"] == 8 and described(network)["parameters"] == 17
    assert described(network)["mean"] == [] and isinstance(network.learned[1].weight, torch.Tensor)
