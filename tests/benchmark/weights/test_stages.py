"""The cut before the last stage: the same numbers, the same parameters."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn

from benchmark.weights.build import create, feature_width
from benchmark.weights.stages import Stages, split
from tests.benchmark.weights.tiny_networks import random_network
from tests.benchmark.weights.weight_networks import images, lived_in

CUTS = [
    ("resnet50", "layer4.0.conv1.weight"),
    ("resnet18", "layer4.0.conv1.weight"),
    ("resnet10t", "layer4.0.conv1.weight"),
    ("tf_efficientnet_lite0", "blocks.5.0.conv_pw.weight"),
    ("efficientnet_b0", "blocks.5.0.conv_pw.weight"),
    ("mobilenetv3_small_050", "blocks.4.0.conv_pw.weight"),
]

#: backbone, first of the last part, shape of what the trunk hands on for images of 64 px
LATER_CUTS = [
    ("convnext_atto", "stages.3.downsample.0.weight", (160, 4, 4)),
    ("mambaout_femto", "stages.3.downsample.conv.weight", (4, 4, 192)),
    ("densenet121", "features.denseblock4.denselayer1.norm1.weight", (512, 2, 2)),
    ("tiny_swin", "layers.2.downsample.norm.weight", (8, 8, 16)),
    ("tiny_vit", "blocks.3.norm1.weight", (17, 32)),
    ("tiny_siglip", "blocks.3.norm1.weight", (16, 32)),
    ("tiny_dinov3", "blocks.3.gamma_1", (21, 32)),
    ("tiny_eva", "blocks.3.norm1.weight", (17, 32)),
]


@pytest.mark.parametrize(("backbone", "first_of_last"), CUTS)
@pytest.mark.parametrize("training", [False, True])
def test_the_parts_are_the_whole(backbone: str, first_of_last: str, training: bool) -> None:
    torch.manual_seed(2)
    model = lived_in(timm.create_model(backbone, num_classes=0)).train(training)
    parts = split(model)
    assert parts.trunk is not None and parts.last is not None
    batch = images(size=64)
    with torch.no_grad():
        whole = model(batch)
        if training:  # the pass above moved the running statistics; training-mode outputs do not read them
            assert torch.equal(parts.last(parts.trunk(batch)), whole)
        else:
            cut = parts.trunk(batch)
            assert torch.equal(parts.last(cut), whole)
            assert cut.shape[-1] == 4  # stride 16
    assert parts.last_parameters[0] == first_of_last
    holds_the_models_own_parameters(parts, model)


@pytest.mark.parametrize(("backbone", "first_of_last", "shape"), LATER_CUTS)
def test_the_parts_of_stages_and_of_transformers_are_the_whole(
    backbone: str, first_of_last: str, shape: tuple[int, ...]
) -> None:
    model = (
        random_network(backbone, num_classes=0, img_size=64)
        if backbone.startswith("tiny")
        else create(backbone, 64).eval()
    )
    parts = split(model)
    batch = images(size=64)
    with torch.no_grad():
        cut = parts.trunk(batch)
        assert cut.shape[1:] == shape
        assert torch.equal(copy.deepcopy(parts.last)(cut), model(batch)), "as a fit copies it"
        assert parts.last(cut).shape == (2, feature_width(model))
    assert parts.last_parameters[0] == first_of_last
    holds_the_models_own_parameters(parts, model)


def holds_the_models_own_parameters(parts: Stages, model: nn.Module) -> None:
    trunk, last = dict(parts.trunk.named_parameters()), dict(parts.last.named_parameters())
    everything = dict(model.named_parameters())
    assert trunk.keys().isdisjoint(last) and {**trunk, **last}.keys() == everything.keys()
    assert all(everything[name] is parameter for name, parameter in {**trunk, **last}.items())
    assert tuple(last) == parts.last_parameters
    assert {**parts.trunk.state_dict(), **parts.last.state_dict()}.keys() == model.state_dict().keys()


def test_training_the_last_part_trains_the_model() -> None:
    torch.manual_seed(2)
    model = timm.create_model("resnet10t", num_classes=0)
    parts = split(model)
    before = {name: value.clone() for name, value in model.named_parameters()}
    parts.trunk.eval().requires_grad_(False)
    optimiser = torch.optim.SGD(parts.last.parameters(), lr=0.1)
    parts.last(parts.trunk(images())).square().mean().backward()
    optimiser.step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed and changed <= set(parts.last_parameters)


@pytest.mark.parametrize(
    ("backbone", "within"),
    [
        ("regnetx_002", ("s4.",)),
        ("deit_tiny_distilled_patch16_224", ("blocks.11.", "norm.")),
        ("vit_small_patch16_rope_mixed_224", ("blocks.11.", "norm.", "rope.")),
    ],
)
def test_other_families_name_their_last_stage(backbone: str, within: tuple[str, ...]) -> None:
    with torch.device("meta"):
        model = timm.create_model(backbone, num_classes=0)
    parts = split(model)
    assert parts.trunk is None and parts.last is None
    assert parts.last_parameters
    assert all(name.startswith(within) for name in parts.last_parameters)
    assert all(any(name.startswith(prefix) for name in parts.last_parameters) for prefix in within)
    assert set(parts.last_parameters) < {name for name, _ in model.named_parameters()}
