"""Adapters: at first the network is the pretrained one; then they alone learn, in the layers that were asked for."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.methods import NetworkSpec, lora
from benchmark.seeds import seed_for
from benchmark.training.engine import fit
from benchmark.training.features import FrozenFeatures
from benchmark.training.low_rank import LowRank, adapt
from benchmark.training.step import Recipe, TrainingSet
from benchmark.training.streams import seeded
from benchmark.weights.find import find
from benchmark.weights.load import load_backbone

BACKBONES = ["tf_efficientnet_lite0:3", "vit_tiny_patch16_224", "eva02_tiny_patch14_224"]
SIZE = 56


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    made = {}

    def of(backbone):
        if backbone not in made:
            path = tmp_path_factory.mktemp("weights") / "any.pth"
            size = 64 if "16" in backbone else SIZE
            with seeded(seed_for(0, "test")):
                torch.save(load_backbone(backbone, None, image_size=size).state_dict(), path)
            spec = NetworkSpec(backbone, 3, 2, size)
            made[backbone] = spec, lora.prepare(spec, find(backbone, None, path, image_size=size))
        return made[backbone]

    return of


@pytest.mark.parametrize("backbone", BACKBONES)
def test_at_first_the_network_is_the_pretrained_one(backbone, prepared):
    spec, shared = prepared(backbone)
    images = torch.rand(2, 3, spec.image_size, spec.image_size).contiguous(memory_format=torch.channels_last)
    network = lora.build(shared, spec, {"adapters": "all:4"})
    normalise, backbone_, _ = network.learned.eval()
    with torch.no_grad():
        assert torch.allclose(backbone_(normalise(images)), shared.backbone.eval()(normalise(images)), atol=1e-5)
    assert sum(isinstance(part, LowRank) for part in backbone_.modules()) > 3


@pytest.mark.parametrize("adapters", lora.OWN.choices)
def test_adapters_and_head_alone_learn(adapters, prepared):
    spec, shared = prepared(BACKBONES[0])
    images = torch.randint(0, 256, (8, 3, SIZE, SIZE), dtype=torch.uint8)
    data = TrainingSet(
        images, torch.eye(2)[torch.arange(8) % 2], "binary", True, FrozenFeatures(images, True, 0, "cell")
    )
    before = {name: value.clone() for name, value in shared.backbone.state_dict().items()}
    network = fit(
        lambda: lora.build(shared, spec, {"adapters": adapters}), data, np.arange(8),
        Recipe(1e-2, 1e-3, 2, 0.5, 0.1, 4), seed_for(0, "fit"),
    )  # fmt: skip
    learned = [name for name, parameter in network.learned.named_parameters() if parameter.requires_grad]
    assert all(name.endswith((".down", ".up")) for name in learned[:-2])
    assert any(
        parameter.abs().max() > 0 for name, parameter in network.learned.named_parameters() if name[-3:] == ".up"
    )
    assert (network.frozen is not None) == adapters.startswith("last")
    kept = {
        name: value
        for name, value in network.learned.state_dict().items()
        if name.endswith(("original", "running_mean"))
    }
    values = [value for value in before.values() if value.ndim]
    assert all(
        any(value.shape == other.shape and torch.equal(value, other) for other in values) for value in kept.values()
    )
    assert all(torch.equal(value, before[name]) for name, value in shared.backbone.state_dict().items())


def test_a_layer_as_thin_as_its_adapter_is_left_alone_and_so_is_a_depthwise_convolution():
    layers = nn.Sequential(
        nn.Conv2d(32, 32, 1), nn.Conv2d(32, 32, 3, groups=32), nn.Conv2d(2, 32, 1), nn.Linear(64, 64), nn.Linear(64, 2)
    )
    assert adapt(layers, 4) == 2
    assert [name for name, part in layers.named_modules() if isinstance(part, LowRank)] == [
        "0.parametrizations.weight.0", "3.parametrizations.weight.0",
    ]  # fmt: skip


def test_the_adapter_adds_a_product_of_its_rank():
    kernel = torch.zeros(16, 8, 3, 3)
    adapter = LowRank(kernel, 2)
    nn.init.normal_(adapter.up)
    added = adapter(kernel).flatten(1)
    assert torch.linalg.matrix_rank(added) == 2
    assert torch.allclose(added, adapter.up @ adapter.down)
