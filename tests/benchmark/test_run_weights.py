"""Which file an arm starts from on a data set, and that no file is compared with itself."""

import shutil
from pathlib import Path

import pytest
import timm
import torch

from benchmark import run
from benchmark.errors import InputError
from benchmark.runs.request import Request
from benchmark.runs.weight_flags import weight_files
from benchmark.runs.weights import Need, is_made, needs, refuse_same_file
from benchmark.spec import BenchmarkSpec
from benchmark.weights.sources import WeightFile, WeightSource


def request_for(weights, datasets=("phantom", "chest-xray", "ham10000"), arms=("scratch", "imagenet", "medical")):
    spec = BenchmarkSpec(datasets=datasets, arms=arms, backbone="resnet10t")
    return Request(spec, Path("out"), Path("mlruns"), None, weights, ("cpu",), False, ())


def test_a_file_named_for_a_data_set_goes_before_the_arms_own():
    named, own = Path("skin.pth"), Path("any.pth")
    request = request_for({"medical@ham10000": named, "medical": own})
    assert needs(request) == [
        Need("imagenet", ("phantom", "chest-xray", "ham10000"), None),
        Need("medical", ("phantom", "chest-xray"), own),
        Need("medical", ("ham10000",), named),
    ]


def test_the_built_in_comparison_makes_its_own_unless_a_file_is_named_for_it():
    assert is_made("phantom", "medical", request_for({"medical@ham10000": Path("skin.pth")}))
    request = request_for({"medical@phantom": Path("x.pth")})
    assert not is_made("phantom", "medical", request)
    assert Need("medical", ("phantom",), Path("x.pth")) in needs(request)
    assert Need("medical", ("chest-xray", "ham10000"), None) in needs(request)


def test_names_of_data_sets_may_hold_what_separates_them_from_the_file():
    places = {"chexpert:labels=Edema": "chexpert:labels=Edema", "folder:a/b": "folder:/x/a/b"}
    pairs = ["medical@chexpert:labels=Edema=x=1.pth", "medical@folder:/x/a/b=y.pth", "imagenet=radimagenet@r.pt"]
    assert weight_files(pairs, places) == {
        "medical@chexpert:labels=Edema": Path("x=1.pth"),
        "medical@folder:a/b": Path("y.pth"),
        "imagenet": Path("radimagenet@r.pt"),
    }
    assert weight_files(["medical=a@folder:a/b=c.pth"], places) == {"medical": Path("a@folder:a/b=c.pth")}


def file_of(path, digest):
    return WeightFile(Path(path), WeightSource(name="x", backbone="resnet10t", role="medical"), digest)


def test_two_arms_that_fit_alike_from_the_same_bytes_are_refused():
    one, copy, other = file_of("a.pth", "1" * 64), file_of("b.pth", "1" * 64), file_of("c.pth", "2" * 64)
    request = request_for({})
    refuse_same_file("nih", {"scratch": None, "imagenet": one, "medical": other}, request)
    with pytest.raises(
        InputError, match=r"nih: the arms imagenet and medical .*a\.pth and b\.pth, SHA-256 111111111111"
    ):
        refuse_same_file("nih", {"scratch": None, "imagenet": one, "medical": copy}, request)


@pytest.mark.parametrize("dry", [True, False])
def test_the_same_file_ends_a_run_before_it_starts(dry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.save(timm.create_model("resnet10t", num_classes=0).state_dict(), "one.pth")
    shutil.copy("one.pth", "two.pth")
    flags = ["--datasets", "phantom", "--backbone", "resnet10t", "--arms", "imagenet,medical", "--image-size", "32"]
    flags += ["--weights", "imagenet=one.pth", "--weights", "medical@phantom=two.pth", "--device", "cpu"]
    monkeypatch.setattr("benchmark.runs.running.run_cells", lambda *_: pytest.fail("the run started"))
    if dry:
        monkeypatch.setattr("benchmark.runs.dry_run.estimate", lambda *_: pytest.fail("trials were timed"))
        flags.append("--dry-run")
    assert run.main(flags) == 2
    assert "phantom: the arms imagenet and medical start from the same file" in capsys.readouterr().err
