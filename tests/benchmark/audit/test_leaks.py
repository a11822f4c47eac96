import dataclasses
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmark import datasets
from benchmark.audit import counts, duplicates, leaks
from benchmark.errors import InputError
from benchmark.images import decoding
from benchmark.images.contract import LoadOptions

SIZE = 32


def scene(seed, side=64):
    """Smooth shapes with some detail, which compression leaves alone."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    coarse = noise.resize((6, 6)).resize((side, side), Image.Resampling.BICUBIC)
    fine = noise.filter(ImageFilter.GaussianBlur(1.5))
    return Image.blend(coarse, fine, 0.5)


@pytest.fixture
def mine(tmp_path):
    """A folder of two classes with 12 patients each, a third of which is the holdout."""
    folder = tmp_path / "mine"
    lines = ["file,group,split"]
    for k, name in enumerate(("benign", "malign")):
        (folder / name).mkdir(parents=True)
        for i in range(12):
            scene(100 * k + i).save(folder / name / f"{i:02d}.png")
            lines.append(f"{name}/{i:02d}.png,{name}{i},{'holdout' if i < 4 else 'pool'}")
    (folder / "groups.csv").write_text("\n".join(lines))
    return folder


def load(folder, tmp_path):
    images = datasets.load(f"folder:{folder}", None, LoadOptions(image_size=SIZE))
    decoded = decoding.decoded(images, SIZE, tmp_path / "cache")
    return decoded.images, decoded


def verdicts(records):
    return {record["leak"]: (record["verdict"], record["found"]) for record in records}


def test_clean_data_have_no_leaks(mine, tmp_path):
    images, decoded = load(mine, tmp_path)
    records = leaks.audit(images, decoded)
    assert verdicts(records) == dict.fromkeys(("groups", "duplicates", "near-duplicates"), ("none", 0))
    assert leaks.refuse(records) == records


def test_an_exact_copy_across_is_an_error_unless_allowed_by_name(mine, tmp_path):
    (mine / "malign/10.png").write_bytes((mine / "malign/01.png").read_bytes())
    images, decoded = load(mine, tmp_path)
    records = leaks.audit(images, decoded)
    assert verdicts(records)["duplicates"] == ("leak", 1)
    assert verdicts(records)["near-duplicates"] == ("none", 0), "an exact copy is not counted twice"
    with pytest.raises(InputError, match=r"malign/10.png = malign/01.png.*\n.*duplicates"):
        leaks.refuse(records)
    assert verdicts(leaks.refuse(records, ["duplicates"]))["duplicates"] == ("allowed", 1)
    with pytest.raises(InputError, match="Did you mean 'duplicates'"):
        leaks.refuse(records, ["duplicate"])


def jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "change",
    [
        jpeg,
        lambda image: image.resize((48, 48)),
        lambda image: image.point(lambda value: 255 * (value / 255) ** 0.8),
        lambda image: image.point(lambda value: 0.8 * value + 20),
    ],
    ids=["compressed", "smaller", "darker", "flatter"],
)
def test_a_changed_copy_across_is_a_near_duplicate(mine, tmp_path, change):
    change(Image.open(mine / "malign/01.png")).save(mine / "malign/10.png")
    images, decoded = load(mine, tmp_path)
    by_leak = verdicts(leaks.audit(images, decoded))
    assert by_leak["duplicates"] == ("none", 0)
    assert by_leak["near-duplicates"] == ("leak", 1)


def test_near_finds_each_pair_once():
    pixels = np.stack([np.asarray(scene(i % 5))[..., None] for i in range(7)])
    assert duplicates.near(pixels, np.arange(7)).tolist() == [[0, 5], [1, 6]]
    assert duplicates.near(pixels, np.array([5, 6]), np.arange(5)).tolist() == [[5, 0], [6, 1]]
    black = np.zeros((2, 32, 32, 1), np.uint8)
    assert len(duplicates.near(black, np.arange(2))) == 0, "nothing is told apart by a black image"


def test_groups_and_copies_across_folds_are_found(mine, tmp_path):
    (mine / "benign/11.png").write_bytes((mine / "benign/05.png").read_bytes())
    images, decoded = load(mine, tmp_path)
    rows = np.flatnonzero(~images.holdout)
    fold = np.arange(len(rows)) % 2
    (record,) = (r for r in leaks.audit(images, decoded, folds=[("n8", rows, fold)]) if r["leak"] == "folds")
    assert record["verdict"] == "none"
    fold[images.sample_ids[rows] == "benign/11.png"] ^= 1
    (record,) = (r for r in leaks.audit(images, decoded, folds=[("n8", rows, fold)]) if r["leak"] == "folds")
    assert (record["verdict"], record["found"]) == ("leak", 1)
    assert "benign/05.png and benign/11.png (pixels)" in record["examples"]


def test_copies_are_joined_into_one_group(mine, tmp_path):
    (mine / "benign/11.png").write_bytes((mine / "benign/05.png").read_bytes())
    (mine / "malign/10.png").write_bytes((mine / "malign/01.png").read_bytes())
    images, decoded = load(mine, tmp_path)
    joined = leaks.join_copies(images, decoded.hashes)
    group = dict(zip(joined.sample_ids, joined.groups, strict=True))
    assert group["benign/11.png"] == group["benign/05.png"]
    assert group["malign/10.png"] != group["malign/01.png"], "across an official holdout it stays a leak"
    assert joined.facts["groups_joined"] == 1
    ours = dataclasses.replace(images, holdout_kind="grouped")
    joined = leaks.join_copies(ours, decoded.hashes)
    held = dict(zip(joined.sample_ids, joined.holdout, strict=True))
    assert held["malign/10.png"]
    assert held["malign/01.png"]
    leaks.refuse_shared_groups(joined)
    assert verdicts(leaks.audit(joined, decoded))["duplicates"] == ("none", 0)


@pytest.mark.parametrize(
    ("dataset", "trained_on", "verdict"),
    [
        ("chest-xray", ("imagenet",), "none"),
        ("chest-xray", ("chest-xray",), "leak"),
        ("chest-xray", ("medmnist:pneumoniamnist",), "leak"),
        ("medmnist:chestmnist", ("padchest", "rsna"), "leak"),
        ("nih", ("siim",), "leak"),
        ("chexpert:views=all", ("chexpert",), "leak"),
        ("medmnist:dermamnist", ("medmnist:breastmnist",), "none"),
        ("ham10000", ("unknown",), "not verifiable"),
        ("nih", ("NIH ChestX-ray14",), "leak"),
        ("chexpert", ("CheXpert",), "leak"),
        ("chest-xray", ("Kermany",), "leak"),
        ("nih", ("RSNA",), "leak"),
        ("ham10000", ("LVD-142M", "ImageNet"), "none"),
    ],
)
def test_weights_trained_on_the_same_images(dataset, trained_on, verdict):
    images = dataclasses.replace(datasets.load("phantom", None, LoadOptions()), dataset=dataset)
    record = leaks.audit(images, trained_on={"medical": trained_on})[-1]
    assert record["leak"] == "weights"
    assert record["verdict"] == verdict


def test_hashes_follow_the_images_that_are_left(mine, tmp_path):
    bad = mine / "benign/03.png"
    bad.write_bytes(bad.read_bytes()[:100])
    images = datasets.load(f"folder:{mine}", None, LoadOptions(image_size=SIZE))
    decoded = decoding.decoded(images, SIZE, tmp_path / "cache", skip_bad=True)
    assert len(decoded.hashes) == len(decoded.images.sample_ids) == 23
    assert len(set(decoded.hashes)) == 23


def test_many_processes_decode_as_one(tmp_path):
    images = datasets.load("phantom", None, LoadOptions())
    some = decoding.subset(images, np.arange(len(images.sample_ids)) < decoding.FEW + 1, {})
    done = []
    one = decoding.decoded(some, 16, tmp_path / "one", workers=1, progress=done.append)
    two = decoding.decoded(some, 16, tmp_path / "two", workers=2)
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.hashes, two.hashes)
    assert done[-1] == decoding.FEW + 1


def test_kermany_is_free_of_leaks_and_has_thirty_sets_of_copies(data_root, tmp_path):
    if not (data_root / "chest_xray").is_dir():
        pytest.skip("no chest_xray here")
    images = datasets.load("chest-xray", data_root, LoadOptions())
    decoded = decoding.decoded(images, SIZE, tmp_path, workers=2)
    assert {record["verdict"] for record in leaks.audit(images, decoded)} == {"none"}
    assert len(duplicates.copies(decoded.hashes)) == 30
    assert list(counts.shared_between_splits(images).values()) == [0, 0, 0]
