"""A backbone cut after some of its stages: what is kept is the whole network's, and a checkpoint of the part fits."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from benchmark.errors import InputError
from benchmark.weights.build import feature_width, require_size
from benchmark.weights.find import find
from benchmark.weights.load import load_backbone
from benchmark.weights.sources import cut_of, sources_for, timm_config
from benchmark.weights.stages import split
from tests.benchmark.weights.weight_networks import images, lived_in

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def lite0() -> torch.nn.Module:
    torch.manual_seed(3)
    return lived_in(timm.create_model(LITE0, num_classes=10))


@pytest.mark.parametrize(("stages", "width"), [(2, 24), (3, 40), (7, 320)])
def test_a_file_of_the_whole_network_serves_a_part_of_it(
    lite0: torch.nn.Module, tmp_path: Path, stages: int, width: int
) -> None:
    file = tmp_path / "whole.safetensors"
    save_file(lite0.state_dict(), file)
    backbone = f"{LITE0}:{stages}"
    part = load_backbone(backbone, find(backbone, "imagenet", file)).eval()
    with torch.inference_mode():
        features = part(images())
        expected = lite0.blocks[:stages](lite0.bn1(lite0.conv_stem(images()))).mean((2, 3))
        torch.testing.assert_close(features, expected)
        parts = split(part)
        torch.testing.assert_close(parts.last(parts.trunk(images())), features)
    assert features.shape == (2, width) and feature_width(part) == width
    require_size(backbone, 64)
    again = tmp_path / "part.safetensors"
    save_file(part.state_dict(), again)
    with torch.inference_mode():
        torch.testing.assert_close(
            load_backbone(backbone, find(backbone, "imagenet", again)).eval()(images()), features
        )


def test_a_part_of_a_network_does_not_serve_the_whole(lite0: torch.nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "part.safetensors"
    save_file(load_backbone(f"{LITE0}:2", None).state_dict(), file)
    with pytest.raises(InputError, match="tensors missing"):
        find(LITE0, "imagenet", file)


def test_the_known_sources_of_the_whole_network_are_the_parts_too() -> None:
    assert sources_for(f"{LITE0}:2", "imagenet") == sources_for(LITE0, "imagenet") != ()
    assert timm_config(f"{LITE0}:2") == timm_config(LITE0)
    assert cut_of("resnet50") == ("resnet50", None)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (f"{LITE0}:1", "2 or more"),
        (f"{LITE0}:two", "2 or more"),
        (f"{LITE0}:8", "has 7 stages"),
        ("resnet18:2", "EfficientNet family"),
    ],
)
def test_cuts_that_cannot_be_made_are_refused(backbone: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_backbone(backbone, None)
