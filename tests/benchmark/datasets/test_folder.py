"""The traps of a folder of one's own: masks among the images, patients that nobody named, a path in the report."""

import numpy as np
import pytest

from benchmark import datasets
from benchmark.errors import InputError
from benchmark.images.companions import companions, refuse_companions
from benchmark.images.contract import LoadOptions
from benchmark.runs.flags import make_parser, resolve
from benchmark.runs.planning import decode
from benchmark.runs.request import Request, places_of
from benchmark.spec import BenchmarkSpec
from tests.conftest import write_images

OPTIONS = LoadOptions(image_size=16)


@pytest.fixture
def busi(tmp_path, monkeypatch):
    """Images with their masks beside them, called as in BUSI; three images a patient."""
    names = [f"{name}/{name} ({i}){mask}.png" for name in ("benign", "malignant") for i in range(1, 13)
             for mask in ("", "_mask")]  # fmt: skip
    write_images(tmp_path / "busi", [*names, "benign/benign (1)_mask_1.png"])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "busi"


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["a/x.png", "a/x_mask.png", "a/x_mask_1.png"], {"a/x_mask.png": "a/x.png", "a/x_mask_1.png": "a/x.png"}),
        (["a/x (1).jpg", "a/x (1)_mask.png"], {"a/x (1)_mask.png": "a/x (1).jpg"}),
        (["a/ISIC_1.jpg", "a/ISIC_1_Segmentation.png"], {"a/ISIC_1_Segmentation.png": "a/ISIC_1.jpg"}),
        (["a/x.png", "a/masks/x.png"], {"a/masks/x.png": "a/x.png"}),
        (["a/x.png", "a/masks/x-mask.png"], {"a/masks/x-mask.png": "a/x.png"}),
        (["a/x.png", "a/x_1.png", "a/x_2.png", "a/xmask.png"], {}),
        (["a/person447_virus_921.jpeg", "a/person447_virus_921_1.jpeg"], {}),
        (["a/y_mask.png", "b/y.png", "mask/z.png", "a/z.png"], {}),
    ],
)  # fmt: skip
def test_companions_are_told_from_images(names, pairs):
    assert companions(names) == pairs


def test_masks_beside_the_images_are_refused_with_the_name_that_leaves_them_out(busi):
    with pytest.raises(InputError, match=r"25 of the 49 .*'benign/benign \(1\)_mask.png' beside") as refused:
        datasets.load("folder:busi", None, OPTIONS)
    remedy = str(refused.value).partition("Leave them out with '")[2].partition("'")[0]
    assert remedy == "folder:busi:exclude=*_mask*"
    images = datasets.load(remedy, None, OPTIONS)
    assert images.dataset == remedy
    assert len(images.sample_ids) == 24 and not any("mask" in name for name in images.sample_ids)
    assert images.facts["title"] == "images in busi, without 25 that match *_mask*"
    with pytest.raises(InputError, match=r"exclude=\*_mask.png\+\*_mask\*:group-pattern=\(x\)"):
        datasets.load("folder:busi:exclude=*_mask.png:group-pattern=(x)", None, OPTIONS)


def test_a_pattern_that_excludes_nothing_is_refused(busi):
    with pytest.raises(InputError, match=r"exclude=\*_msak\* matches none of the 49 images"):
        datasets.load("folder:busi:exclude=*_msak*+*_mask*", None, OPTIONS)


def test_patients_are_read_from_names(busi):
    images = datasets.load(r"folder:busi:exclude=*_mask*:group-pattern=/(\w+ \(\d)", None, OPTIONS)
    assert images.groups_known and "leaks" not in images.facts
    assert len(set(images.groups)) == 18
    assert not set(images.groups[images.holdout]) & set(images.groups[~images.holdout])
    assert images.groups[images.sample_ids == "benign/benign (12).png"] == "benign (1"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"benign \((\d+)", r"no patient in 12 of 24 images \(malignant/malignant \(1\).png, "),
        (r"(\w+) (\(\d+\))", "2 pairs of parentheses: it needs one"),
        (r"\d+", "0 pairs of parentheses"),
        (r"(\d", "not a regular expression"),
        ("(x):exclude=*", "exclude= stands before"),
    ],
)
def test_bad_patterns_of_patients_are_named(busi, pattern, message):
    with pytest.raises(InputError, match=message):
        datasets.load(f"folder:busi:exclude=*_mask*:group-pattern={pattern}", None, OPTIONS)


def test_a_pattern_and_a_table_of_groups_are_one_too_many(busi):
    (busi / "groups.csv").write_text(
        "file,group\n" + "\n".join(f"{n}/{n} ({i}).png,{n}{i}" for n in ("benign", "malignant") for i in range(1, 13))
    )
    assert datasets.load("folder:busi:exclude=*_mask*", None, OPTIONS).groups_known
    with pytest.raises(InputError, match=r"has a groups\.csv"):
        datasets.load("folder:busi:exclude=*_mask*:group-pattern=(.*)", None, OPTIONS)


def test_where_the_images_lie_is_in_no_name_and_decides_nothing(busi, tmp_path):
    here = datasets.load("folder:busi:exclude=*_mask*", None, OPTIONS)
    there = datasets.load(f"folder:{busi}/:exclude=*_mask*", None, OPTIONS)
    assert here.dataset == there.dataset == datasets.shown(f"folder:{busi}:exclude=*_mask*")
    assert here.fingerprint == there.fingerprint
    np.testing.assert_array_equal(here.holdout, there.holdout)
    assert str(tmp_path) not in repr(there.facts)
    assert datasets.images_of("folder:busi:group-pattern=(") == {"folder:busi"}, "a card may name what cannot be read"
    assert datasets.images_of("medmnist") == {"medmnist"}
    assert datasets.images_of(f"folder:{busi}") == datasets.images_of("folder:busi:exclude=*_mask*") == {"folder:busi"}


def test_a_run_calls_a_folder_by_its_last_part_and_finds_it_again(busi, tmp_path):
    name, place = "folder:busi:exclude=*_mask*", f"folder:{busi}:exclude=*_mask*"
    flags = make_parser().parse_args(["--datasets", place, "--weights", f"medical@{place}=x.pth", "--device", "cpu"])
    request = resolve(flags)
    assert request.spec.datasets == (name,) and request.located(name) == place
    assert list(request.weights) == [f"medical@{name}"]
    assert str(tmp_path) not in str(request.out)
    with pytest.raises(InputError, match="would both be called 'folder:busi': rename"):
        places_of([f"folder:{busi}", "folder:/elsewhere/busi"])


def test_the_pattern_that_is_advised_leaves_no_image_out():
    names = ["a/x.png", "a/x_mask.png", "a/y_masked face.png"]
    with pytest.raises(InputError, match=r"'folder:d:exclude=a/x_mask\.png'"):
        refuse_companions("folder:d", names)


def test_patients_that_nobody_knows_are_a_warning_of_the_run(busi, tmp_path):
    spec = BenchmarkSpec(datasets=("folder:busi:exclude=*_mask*",), image_size=16)
    request = Request(spec, tmp_path / "run", tmp_path, None, {}, ("cpu",), False, ())
    lines = []
    decode(request, spec.datasets[0], lines.append)
    assert any("WARNING: folder:busi:exclude=*_mask*: which images are of one patient" in line for line in lines)
    (busi / "groups.csv").write_text(
        "file,group\n" + "\n".join(f"{n}/{n} ({i}).png,{n}{i}" for n in ("benign", "malignant") for i in range(1, 13))
    )
    lines.clear()
    decode(request, spec.datasets[0], lines.append)
    assert lines and "WARNING" not in "".join(lines)
