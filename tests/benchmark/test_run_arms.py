"""Runs of arms that a preset defines: start to end, again, and what may not be mixed in one folder."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from analysis.page.credit import credit
from analysis.study.arm_facts import differences, read_arm_facts
from benchmark import run
from benchmark.arm import Arm
from benchmark.arms import with_definitions
from benchmark.errors import InputError
from benchmark.runs import complete
from benchmark.runs.arm_records import arm_record
from benchmark.runs.estimate import Estimate
from benchmark.runs.records import started_from
from benchmark.runs.request import Request, check_request
from benchmark.runs.weights import make_weights, needs, pretraining_left, refuse_same_file
from benchmark.seeds import seed_for
from benchmark.spec import BenchmarkSpec, read_preset
from benchmark.training.streams import seeded
from benchmark.weights.load import load_backbone
from studies import spaces
from tests.benchmark.test_run_weights import file_of
from tests.conftest import write_images
from tests.documentation.pages import ROOT, presets

PRESET = """
n_per_class = [8]
seeds = 1
budget = 2
folds = 2
image_size = 32
backbone = "resnet10t"
min_epochs = 1
max_epochs = 2
batch_size = 8
min_per_class = 4

[arms.scratch]
[arms.probe]
method = "linear-probe"
weights = "mine.pth"
[arms.small]
method = "{method}"
backbone = "{backbone}"
weights = "mine18.pth"
corpus = ["{corpus}"]
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with images of two classes, two weight files and a preset in a folder beside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    write_images(tmp_path / "images", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(60)])
    (tmp_path / "presets").mkdir()
    with seeded(seed_for(0, "test")):
        torch.save(load_backbone("resnet10t", None).state_dict(), tmp_path / "presets/mine.pth")
        torch.save(load_backbone("resnet14t", None).state_dict(), tmp_path / "presets/mine18.pth")
    return tmp_path


def give(place, *flags, method="knn", backbone="resnet14t", corpus="somewhere"):
    (place / "presets/mine.toml").write_text(PRESET.format(method=method, backbone=backbone, corpus=corpus))
    return run.main(
        ["--preset", "presets/mine.toml", "--datasets", "folder:images", "--workers", "1", "--out", "out", *flags]
    )


@pytest.mark.slow
def test_arms_of_a_preset_are_run_reported_and_may_not_change(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.runs.dry_run.estimate", lambda request, *_: Estimate(request))
        assert give(place, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "probe: mine (" in shown and "small: mine18 (" in shown

    assert give(place) == 0
    capsys.readouterr()
    described = json.loads((place / "out/spec.json").read_text())
    assert described["spec"]["definitions"][1]["weights"] == "mine18.pth", "no path of this machine"
    assert described["arms"]["small"]["architecture"] == "resnet14t"
    assert described["inputs"]["arm small"] == "knn on resnet14t"
    pairs = pd.read_csv(place / "out/report/tables/attribution.csv").set_index(["arm_a", "arm_b"])["attributed_to"]
    assert pairs["probe", "small"] == "method, architecture and weights together"
    weights = pd.read_csv(place / "out/report/tables/weights.csv").set_index("arm")["trained_on"]
    assert weights.to_dict() == {"probe": "unknown", "small": "somewhere"}
    protocol = pd.read_csv(place / "out/report/tables/protocol.csv").set_index("item")["value"]
    assert "probe, small: the same fit each time" in protocol["refit"]
    assert "but scratch (simple-cnn), small (resnet14t)" in protocol["shared backbone"]
    page = (place / "out/report/index.html").read_text()
    assert "Architecture and weights differ together between probe and small." in page

    assert give(place) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert give(place, method="fine-tune") == 2
    assert "arm small: knn on resnet14t there, fine-tune on resnet14t now" in capsys.readouterr().err

    described["spaces"]["scratch"][0] |= {"low": 3e-4, "high": 3e-2}
    (place / "out/spec.json").write_text(json.dumps(described))
    assert give(place) == 2, "of a version that searched other values"
    said = capsys.readouterr().err
    assert "search space of scratch: learning_rate 0.0003 to 0.03 there, learning_rate 9.49e-05 to 0.0949 now" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "kn"}, "unknown method 'kn'. Did you mean 'knn'"),
        ({"backbone": "resnet13t"}, "the arm 'small': unknown backbone 'resnet13t'"),
        ({"backbone": "resnet10t"}, "does not fit resnet10t"),
    ],
)
def test_a_wrong_arm_ends_a_run_before_it_starts(changes, message, place, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.runs.planning.decode", lambda *_: pytest.fail("the run started"))
    assert give(place, **changes) == 2
    assert message in capsys.readouterr().err


def request_for(*defined, datasets=("nih",), arms=(), backbone="resnet10t"):
    names = arms or tuple(arm.name for arm in defined)
    spec = BenchmarkSpec(datasets=datasets, arms=names, definitions=defined, backbone=backbone)
    return Request(spec, Path("out"), Path("mlruns"), None, {}, ("cpu",), False, ())


def test_weights_of_one_data_set_are_not_those_of_another():
    request = request_for(Arm("mine", "fine-tune"), datasets=("nih", "ham10000"))
    given = dataclasses.replace(request, weights={"mine@nih": Path("a.pth")})
    with pytest.raises(InputError, match="the arm 'mine': the method fine-tune starts from weights, and none are"):
        check_request(given)


def test_a_run_is_not_complete_where_the_file_of_a_definition_has_changed(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"one")
    request = request_for(
        Arm("mine", "fine-tune", None, f"radimagenet@{path}"), Arm("other", "knn", weights="imagenet")
    )
    inputs = {"weights nih/mine": hashlib.sha256(b"one").hexdigest()}
    assert complete._weights_are(request, inputs)
    path.write_bytes(b"two")
    assert not complete._weights_are(request, inputs)


def test_one_file_serves_different_methods_and_networks_but_not_two_roles():
    one, copy = file_of("a.pth", "1" * 64), file_of("b.pth", "1" * 64)
    probe, tuned = Arm("probe", "linear-probe", weights="imagenet"), Arm("tuned", "fine-tune", weights="imagenet")
    refuse_same_file("nih", {"probe": one, "tuned": copy}, request_for(probe, tuned))
    with pytest.raises(InputError, match="the arms probe and again start from the same file"):
        again = Arm("again", "linear-probe", "resnet10t", "a.pth")
        refuse_same_file("nih", {"probe": one, "again": copy}, request_for(probe, again))
    with pytest.raises(InputError, match="which cannot be both imagenet and medical"):
        skin = Arm("skin", "fine-tune", weights="medical")
        refuse_same_file("nih", {"probe": one, "skin": copy}, request_for(probe, skin))


def test_every_backbone_of_the_built_in_comparison_has_a_medical_checkpoint_of_its_own(tmp_path, monkeypatch):
    arms = (Arm("one", "knn", weights="medical"), Arm("two", "lora", weights="medical"),
            Arm("other", "knn", "resnet14t", "medical"))  # fmt: skip
    request = request_for(*arms, datasets=("phantom",))
    request = Request(request.spec, tmp_path / "out", tmp_path, None, {}, ("cpu",), False, ())
    assert needs(request) == []
    assert [spec.backbone for spec in pretraining_left(request)] == ["resnet10t", "resnet14t"]
    made = []
    monkeypatch.setattr("benchmark.runs.weights.pretrain", lambda spec, places, target: made.append(spec.backbone))
    monkeypatch.setattr("benchmark.runs.weights.find", lambda backbone, *_, **__: backbone)
    assert make_weights(request, "other", lambda line: None) == "resnet14t" and made == ["resnet14t"]


def test_weights_named_for_one_data_set_do_not_serve_another(tmp_path):
    request = request_for(Arm("probe", "knn"), datasets=("phantom", "chest-xray"))
    with pytest.raises(InputError, match="the arm 'probe': the method knn starts from weights, and none are named"):
        check_request(dataclasses.replace(request, weights={"probe@phantom": Path("a.pth")}))


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (None, ""),
        ({}, ""),
        ({"started_from": {"name": "lite0"}, "settings": {"start": "imagenet"}}, "ImageNet weights (lite0)"),
        ({"started_from": {"name": "x"}, "settings": None}, "weights (x)"),
        ({"started_from": None}, "random weights (medical-only)"),
    ],
)
def test_the_report_says_what_a_medical_checkpoint_began_from(card, said):
    file = dataclasses.replace(file_of("a.pth", "1" * 64), card=card)
    request = request_for(datasets=("nih",), arms=("medical",))
    record = arm_record(request.arm("medical"), request, {("nih", "medical"): file})
    assert (record["started_from"], started_from(file)) == (said, said)
    assert record["title"].startswith("backbone pretrained on medical images, fine-tuned")
    assert record["title"].endswith(said)


def test_another_backbone_has_a_control_of_its_own_as_the_docs_show(tmp_path):
    (text,) = (text for text in presets(ROOT / "docs/own-arm.md") if "lite1-scratch" in text)
    (tmp_path / "mine.toml").write_text(text)
    spec = with_definitions(BenchmarkSpec(**{"datasets": ("nih",), **read_preset(tmp_path / "mine.toml")}))
    request = Request(spec, Path("out"), Path("mlruns"), None, {}, ("cpu",), False, ())
    check_request(request)
    assert spaces.of_arm("lite1-scratch", spec) == spaces.of_arm("scratch-same", spec)
    files = {("nih", "imagenet"): file_of("lite0.pth", "0" * 64), ("nih", "lite1"): file_of("lite1.pth", "1" * 64)}
    records = {name: arm_record(request.arm(name), request, files) for name in spec.arms}
    facts = read_arm_facts({"arms": records})
    assert differences(facts["lite1-scratch"], facts["lite1"], "nih").credit == "pretraining"
    assert differences(facts["scratch-same"], facts["lite1"], "nih").credit == "architecture and weights together"
    words = credit(spec.arms, "nih", facts)
    assert words.startswith(
        "Pretraining is what differs between scratch-same and imagenet; lite1-scratch and lite1. Of 2 other pairs of a "
        "pretrained arm and one from random weights no difference is put down to pretraining, as the architecture"
    )
