"""What a run takes where no preset is named: one that the machine can do, and one line that says so."""

import json

import pytest

from benchmark.runs import preset
from benchmark.runs.flags import make_parser, resolve
from benchmark.spec import BenchmarkSpec, preset_path, read_preset


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a data root, on a machine without a card; returns a function that resolves flags."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("benchmark.weights.find.locate", lambda backbone, role, folder: None)
    (tmp_path / "data" / "chest_xray").mkdir(parents=True)

    def resolved(*flags):
        return resolve(make_parser().parse_args(["--data-root", "data", *flags]))

    return resolved


def test_a_small_machine_takes_the_small_preset_and_says_how_to_take_the_other(place):
    request = place()
    assert (request.spec.backbone, request.spec.image_size) == ("tf_efficientnet_lite0", 96)
    assert request.spec.arms == ("scratch", "imagenet", "scratch-same")
    (line,) = request.remark.splitlines()
    assert "no GPU and no ImageNet weights for resnet50" in line
    assert line.endswith("(resnet50 at 224 px, 50 trials): --preset real")
    assert place("--datasets", "folder:mine").spec.image_size == 96


def test_weights_or_a_card_or_a_network_of_ones_own_bring_the_large_one(place, monkeypatch):
    assert place("--backbone", "resnet18").spec.image_size == 224
    assert place("--weights", "medical=a.pth").spec.backbone == "resnet50"
    assert place("--engine", "submitit", "--device", "cuda").spec.backbone == "resnet50"
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.weights.find.locate", lambda backbone, role, folder: object())
        assert place().spec.backbone == "resnet50"
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert place().spec.backbone == "resnet50"


def test_synthetic_images_and_a_named_preset_are_left_alone(place):
    assert place("--datasets", "phantom").spec.backbone == "tf_efficientnet_lite0:2"
    named = place("--preset", "real", "--datasets", "folder:mine")
    assert (named.spec.backbone, named.remark) == ("resnet50", "")


def test_a_named_preset_without_data_sets_takes_those_of_the_study_and_says_so(place):
    named = place("--preset", "transfer")
    assert named.spec.datasets == ("chest-xray",)
    assert named.remark == "data sets: chest-xray (found under data)"
    assert place("--preset", "builtin").spec.datasets == ("phantom",), "which names its own"


def test_a_run_that_was_begun_goes_on_with_its_preset_whatever_the_machine_has_now(place, monkeypatch):
    def begin(request):
        request.out.mkdir(parents=True)
        (request.out / "spec.json").write_text(json.dumps({"spec": request.spec.as_dict(), "inputs": {}}))

    begin(place())
    monkeypatch.setattr(preset, "lacking", lambda devices, folder: pytest.fail("the machine was looked at"))
    again = place("--budget", "40")
    assert (again.spec.backbone, again.spec.budget) == ("tf_efficientnet_lite0", 40)
    assert "was begun" in again.remark
    begin(place("--seeds", "3", "--preset", "real", "--out", "large"))
    assert place("--seeds", "3", "--out", "large").spec.backbone == "resnet50"


def test_the_small_preset_differs_from_the_large_one_in_what_makes_it_small_alone():
    small, large = (read_preset(preset_path(name)) for name in ("laptop", "real"))
    differing = {key for key in small if small[key] != large[key]}
    assert differing == {"arms", "n_per_class", "budget", "image_size", "backbone"}
    assert BenchmarkSpec(**small, datasets=("chest-xray",)).seeds >= 5
