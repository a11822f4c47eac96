import copy

import pytest
import torch
from torch import nn

from benchmark.training import identity
from benchmark.training.identity import digest_of, frozen_identity
from benchmark.training.network import Network, Normalise


def network(mean=0.5, eps=1e-5, weight=1.0, running=0.0, below=None):
    norm = nn.BatchNorm2d(1, eps=eps)
    norm.weight.data.fill_(weight)
    norm.running_mean.fill_(running)
    return Network(nn.Identity(), nn.Sequential(Normalise([mean], [0.25]), norm), "frozen", below=below)


def test_what_computes_the_same_has_one_identity():
    one = network(below=network())
    assert frozen_identity(one, "float32") == frozen_identity(copy.deepcopy(one), "float32")


@pytest.mark.parametrize(
    "change",
    [{"mean": 0.4}, {"eps": 1e-3}, {"weight": 1.0000001}, {"running": 0.1}, {"below": network()}],
    ids=lambda change: next(iter(change)),
)
def test_what_computes_something_else_has_another(change):
    assert frozen_identity(network(**change), "float32") != frozen_identity(network(), "float32")


def test_so_has_another_precision_other_code_and_another_number_of_threads(monkeypatch):
    usual = frozen_identity(network(), "float32")
    assert frozen_identity(network(), "bfloat16") != usual
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert frozen_identity(network(), "float32") != usual
    monkeypatch.undo()
    monkeypatch.setattr(identity, "_code", lambda: "changed")
    assert frozen_identity(network(), "float32") != usual


def test_images_are_told_apart_by_every_pixel_and_by_their_shape():
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    other = images.clone()
    other[1, 0, 3, 3] = 1
    assert len({digest_of(images), digest_of(other), digest_of(images.view(2, 1, 2, 8)), digest_of(images[:1])}) == 4
    assert digest_of(images) == digest_of(images.contiguous(memory_format=torch.channels_last))
