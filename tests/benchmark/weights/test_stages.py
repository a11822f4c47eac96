"""The cut before the last stage: the same numbers, the same parameters."""

from __future__ import annotations

import pytest
import timm
import torch

from benchmark.weights.stages import split
from tests.benchmark.weights.weight_networks import images, lived_in


@pytest.mark.parametrize(
    ("backbone", "first_of_last"),
    [
        ("resnet50", "layer4.0.conv1.weight"),
        ("resnet18", "layer4.0.conv1.weight"),
        ("resnet10t", "layer4.0.conv1.weight"),
        ("tf_efficientnet_lite0", "blocks.5.0.conv_pw.weight"),
        ("efficientnet_b0", "blocks.5.0.conv_pw.weight"),
    ],
)
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
        ("convnext_atto", ("stages.3.", "head.norm.")),
        ("mobilenetv3_small_050", ("blocks.5.", "conv_head.")),
        ("vit_tiny_patch16_224", ("blocks.11.", "norm.")),
        ("densenet121", ("features.denseblock4.", "features.norm5.")),
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
