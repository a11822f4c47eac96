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
from benchmark.images.mapping import in_classes_of

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
        ("ham10000", ("ImageNet", "imagenet-21k"), "none"),
        ("ham10000", ("LVD-142M", "ImageNet"), "not verifiable"),
        ("chest-xray", ("web images (laion2b)",), "not verifiable"),
        ("nih", ("lvd-142m", "nih"), "leak"),
        ("nih", ("slake-vqa",), "leak"),
        ("medmnist:octmnist", ("kermany-oct",), "leak"),
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


# Test sets from elsewhere


def both(tmp_path, mine, far, classes):
    """The own data set, and another folder in its classes, decoded."""
    images, decoded = load(mine, tmp_path)
    source = datasets.load(f"folder:{far}", None, LoadOptions(image_size=SIZE))
    mapped = in_classes_of(images, source, classes, "mine -> far")
    return images, decoded, decoding.decoded(mapped, SIZE, tmp_path / "cache")


@pytest.fixture
def far(tmp_path):
    """A folder of the same two classes under other names, 8 patients each."""
    folder = tmp_path / "far"
    for k, name in enumerate(("good", "bad")):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            scene(1000 + 100 * k + i).save(folder / name / f"{i:02d}.png")
    rows = [f"{name}/{i:02d}.png,{name}{i}" for name in ("good", "bad") for i in range(8)]
    (folder / "groups.csv").write_text("\n".join(["file,group", *rows]))
    return folder


MAP = {"benign": ("good",), "malign": ("bad",)}


def test_the_pool_is_held_against_a_test_set_from_elsewhere(mine, far, tmp_path):
    images, decoded, there = both(tmp_path, mine, far, MAP)
    records = leaks.audit_external(images, decoded, there, {"imagenet": ("imagenet",)})
    assert {record["dataset"] for record in records} == {"mine -> far"}
    assert [record["verdict"] for record in records] == ["none"] * 5
    assert len(there.images.labels) == 16, "all of it, as nothing was learned from it"


def test_copies_in_a_test_set_from_elsewhere_are_leaks_where_they_are_of_the_pool(mine, far, tmp_path):
    (far / "good/03.png").write_bytes((mine / "benign/09.png").read_bytes())
    (far / "good/04.png").write_bytes((mine / "benign/01.png").read_bytes())  # of the holdout
    buffer = io.BytesIO()
    Image.open(mine / "malign/11.png").save(buffer, "jpeg", quality=60)
    (far / "bad/05.png").unlink()
    (far / "bad/05.jpg").write_bytes(buffer.getvalue())
    (far / "groups.csv").write_text((far / "groups.csv").read_text().replace("bad/05.png", "bad/05.jpg"))
    images, decoded, there = both(tmp_path, mine, far, MAP)
    records = leaks.audit_external(images, decoded, there, {})
    leaking = {record["leak"]: record["examples"] for record in records if record["verdict"] == "leak"}
    assert leaking == {
        "duplicates": "benign/09.png = good/03.png",
        "near-duplicates": "malign/11.png = bad/05.jpg",
    }
    with pytest.raises(
        InputError, match="mine -> far: 1 exact duplicates in both pool and the test set from elsewhere"
    ):
        leaks.refuse(records)
    assert leaks.refuse(records, ("duplicates", "near-duplicates"))


def test_patients_of_one_owner_are_held_against_each_other(mine, far, tmp_path):
    (far / "groups.csv").write_text((far / "groups.csv").read_text().replace(",bad3", ",malign9"))
    images, decoded, there = both(tmp_path, mine, far, MAP)
    groups, *_ = leaks.audit_external(images, decoded, there, {})
    assert (groups["verdict"], groups["examples"]) == ("leak", "malign9")
    foreign = dataclasses.replace(there, images=dataclasses.replace(there.images, about={"external": "nih"}))
    groups, *_ = leaks.audit_external(images, decoded, foreign, {})
    assert groups["verdict"] == "none" and "nothing to do with each other" in groups["examples"]


def test_names_of_files_are_no_patients_that_two_folders_share(mine, far, tmp_path):
    (far / "groups.csv").unlink()
    images, decoded, there = both(tmp_path, mine, far, MAP)
    images = dataclasses.replace(images, groups=there.images.groups[np.zeros(len(images.groups), dtype=int)])
    groups, *_ = leaks.audit_external(images, decoded, there, {})
    assert (groups["verdict"], groups["found"]) == ("not verifiable", 0)


def test_origin_and_weights_are_looked_at_for_a_test_set_from_elsewhere(mine, far, tmp_path):
    images, decoded, there = both(tmp_path, mine, far, MAP)
    images = dataclasses.replace(images, dataset="ham10000")
    there = dataclasses.replace(there, images=dataclasses.replace(there.images, about={"external": "isic2019"}))
    records = leaks.audit_external(images, decoded, there, {"medical": ("isic2019",), "other": ("unknown",)})
    by_check = {record["check"]: record["verdict"] for record in records}
    assert by_check["images of ham10000 by origin"] == "leak"
    assert by_check["weights of medical trained on its images"] == "leak"
    assert by_check["weights of other trained on its images"] == "not verifiable"
