"""Files that must be refused, each with words that say what is wrong and what to do."""

from __future__ import annotations

import argparse
import json
import pickle
import shlex
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from benchmark.errors import InputError
from benchmark.weights.checkpoint import read_card, read_state, save_checkpoint
from benchmark.weights.find import find
from benchmark.weights.identify import weight_file
from benchmark.weights.load import load_backbone
from benchmark.weights.sanity import examine
from benchmark.weights.sources import IMAGENET_MEAN, IMAGENET_STD

CARD = {"backbone": "resnet18", "trained_on": ["nih"], "mean": [0.5] * 3, "std": [0.25] * 3}


class Trap:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    for number, write in enumerate((torch.save, lambda value, file: file.write_bytes(pickle.dumps(value, 2)))):
        file = tmp_path / f"evil{number}.pth"
        write({"conv1.weight": torch.zeros(2), "x": Trap(victim)}, file)
        with pytest.raises(InputError, match=r"more than tensors.*refused.*safetensors"):
            read_state(file)
    assert not victim.exists()


@pytest.mark.parametrize("whole", [False, True], ids=["a namespace beside", "the module itself"])
def test_the_command_for_a_trusted_pickle_makes_a_file_that_can_be_read(
    whole: bool, resnet18: nn.Module, tmp_path: Path
) -> None:
    """As MAE (RETFound) and timm save: the arguments of the command line beside the weights."""
    file = tmp_path / "it's a checkpoint.pth"
    torch.save(resnet18 if whole else {"model": resnet18.state_dict(), "args": argparse.Namespace(lr=1.0)}, file)
    with pytest.raises(InputError, match="in an environment apart") as caught:
        read_state(file)
    command = shlex.split(str(caught.value).rpartition("\n")[2])
    assert command[:2] == ["python", "-c"]
    exec(command[2], {})
    converted = read_state(file.with_suffix(".safetensors"))
    assert converted.keys() == resnet18.state_dict().keys()


def test_whole_pickled_module_is_refused(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "module.pth"
    torch.save(resnet18, file)
    with pytest.raises(InputError, match=r"more than tensors \(it names torchvision\.models\.resnet\.ResNet\)"):
        read_state(file)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_truncated_pytorch_file(legacy: bool, resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "cut.pth"
    torch.save(resnet18.state_dict(), file, _use_new_zipfile_serialization=not legacy)
    complete = file.read_bytes()
    for keep in (100, len(complete) // 2, len(complete) - 10):
        file.write_bytes(complete[:keep])
        with pytest.raises(InputError, match=r"cut\.pth.*(truncated|more than tensors)"):
            read_state(file)


def test_truncated_safetensors(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "cut.safetensors"
    save_checkpoint(file, resnet18.state_dict(), CARD)
    complete = file.read_bytes()
    for keep in (5, 100, len(complete) // 2, len(complete) - 10):
        file.write_bytes(complete[:keep])
        with pytest.raises(InputError, match="not a whole safetensors file"):
            read_state(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "a web page"),
        (b"\n  <HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1234", "Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "Keras"),
        (b"not a checkpoint at all", "truncated or of another format"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_no_weights(content: bytes, says: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"x{suffix}"
    file.write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_state(file)


def test_a_file_without_tensors(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save({"epoch": 3, "lr": 0.1}, file)
    with pytest.raises(InputError, match="a dict with the keys epoch, lr, and no state dict"):
        read_state(file)


def test_another_architecture_names_both(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "r18.pth"
    torch.save(resnet18.state_dict(), file)
    with pytest.raises(InputError) as caught:
        find("resnet34", "imagenet", file)
    text = str(caught.value)
    assert "does not fit resnet34 (216 tensors)" in text
    assert "look like ResNet-18 (122 tensors)" in text
    assert "tensors missing" in text
    with pytest.raises(InputError, match=r"not fit tf_efficientnet_lite0.*ResNet-18"):
        find("tf_efficientnet_lite0", "imagenet", file)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("mobilenetv3_small_050", "EfficientNet or MobileNet"),
        ("vit_tiny_patch16_224", "vision transformer with 12 blocks"),
        ("convnext_atto", "a ConvNeXt"),
        ("densenet121", "a DenseNet"),
    ],
)
def test_the_error_knows_common_architectures(given: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save(timm.create_model(given).state_dict(), file)
    with pytest.raises(InputError, match=words):
        find("resnet18", "imagenet", file)


def test_same_names_other_widths(tmp_path: Path) -> None:
    file = tmp_path / "wide.pth"
    torch.save(timm.create_model("wide_resnet50_2").state_dict(), file)
    with pytest.raises(InputError, match=r"of another shape \(layer1.0.conv1.weight is 128x64x1x1 in the file and 64x"):
        find("resnet50", "imagenet", file)


def test_a_classifier_of_another_model(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save({**resnet18.state_dict(), "fc.weight": torch.zeros(10, 2048)}, file)
    with pytest.raises(InputError, match=r"classifier fc\.weight takes 2048 features, and resnet18 gives 512"):
        find("resnet18", "imagenet", file)


def test_a_tensor_too_many(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save({**resnet18.state_dict(), "layer5.0.conv1.weight": torch.zeros(1)}, file)
    with pytest.raises(InputError, match=r"1 not in the model \(layer5"):
        find("resnet18", "imagenet", file)


@pytest.mark.parametrize(("value", "says"), [(float("nan"), "not finite"), (0.0, "hardly tells images apart")])
def test_damaged_numbers_fail_the_trial_run(value: float, says: str, resnet18: nn.Module, tmp_path: Path) -> None:
    state = {key: torch.full_like(t, value) if t.ndim == 4 else t for key, t in resnet18.state_dict().items()}
    file = tmp_path / "x.pth"
    torch.save(state, file)
    with pytest.raises(InputError, match=says):
        find("resnet18", "imagenet", file)


def test_the_trial_run_keeps_the_mode(resnet18: nn.Module) -> None:
    model = timm.create_model("resnet18", num_classes=0).train()
    sanity = examine(model, IMAGENET_MEAN, IMAGENET_STD, name="x")
    assert model.training and sanity.features == 512 and sanity.spread > 0.1
    before = model.bn1.num_batches_tracked.item()
    assert before == 0


def test_unknown_backbone_role_and_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown backbone 'resnet5'.*Did you mean 'resnet"):
        find("resnet5", "imagenet")
    with pytest.raises(InputError, match="no weights tagged 'a9_in1k' for resnet50"):
        find("resnet50.a9_in1k", "imagenet")
    with pytest.raises(InputError, match=r"unknown weight role 'imagnet'\. Did you mean 'imagenet'"):
        find("resnet50", "imagnet")
    with pytest.raises(InputError, match="Did you mean 'radimagenet'"):
        find("resnet50", "medical", Path("radimagnet"))
    for absent in (Path("nowhere/x.pth"), Path("x.safetensors"), Path(f"radimagenet@{tmp_path}/x.pt")):
        with pytest.raises(InputError, match="no weight file at"):
            find("resnet50", "medical", absent)


def test_cards_that_lie(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_checkpoint(file, resnet18.state_dict(), CARD)
    card = tmp_path / "mine.json"
    good = json.loads(card.read_text())
    card.write_text(json.dumps({**good, "sha256": "0" * 64}))
    with pytest.raises(InputError, match=r"not the file that its card mine\.json describes"):
        find("resnet18", "medical", file)
    for change, says in (
        ({"trained_on": "nih"}, "should be a list"),
        ({"mean": [0.5]}, "'mean' should be 3 numbers"),
        ({"std": [1, 1, 0]}, "'std' should be 3 numbers"),
    ):
        card.write_text(json.dumps({**good, **change}))
        with pytest.raises(InputError, match=says):
            read_card(file)
    save_file(resnet18.state_dict(), file)  # as by anybody else: without a card inside
    card.write_text("[1]")
    with pytest.raises(InputError, match="one JSON object"):
        read_card(file)
    card.write_text("{")
    with pytest.raises(InputError, match="not readable JSON"):
        read_card(file)


def test_imagenet_weights_do_not_pass_for_medical(tmp_path: Path) -> None:
    lite0 = find("tf_efficientnet_lite0", "imagenet", folder=tmp_path)
    with pytest.raises(InputError, match=r"holds imagenet weights .* given for the medical arm"):
        find("tf_efficientnet_lite0", "medical", lite0.path)


def test_a_known_name_with_other_bytes(resnet18: nn.Module, tmp_path: Path) -> None:
    torch.save(resnet18.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(InputError, match="not torchvision-resnet18-v1 as published"):
        find("resnet18", "imagenet", folder=tmp_path)


def test_loading_alone_reports_an_unfit_file(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "r18.pth"
    torch.save(resnet18.state_dict(), file)
    weights = find("resnet18", "imagenet", file)
    load_backbone("resnet18", weights)
    with pytest.raises(InputError, match="does not fit resnet34"):
        load_backbone("resnet34", weights)


def test_a_file_that_changed_after_it_was_found(resnet18: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save(resnet18.state_dict(), file)
    weights = weight_file(file, "resnet18", "imagenet")
    torch.save({**resnet18.state_dict(), "extra.weight": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="was changed while this program ran"):
        load_backbone("resnet18", weights)
