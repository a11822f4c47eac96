"""Test sets from elsewhere: how they are named, and what a map of classes makes of their images."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark import datasets
from benchmark.errors import InputError
from benchmark.external import of_target, read_all
from benchmark.images.contract import Images
from benchmark.images.mapping import in_classes_of
from benchmark.results import path_name
from benchmark.runs.preset import Choice, settings

OWN = "nih@chest-xray::NORMAL=No Finding,PNEUMONIA=Pneumonia"


def texts(*given, targets=("chest-xray",)):
    return [external.text for external in read_all(given, targets)]


@pytest.mark.parametrize(
    "given",
    [
        "nih",
        "nih@chest-xray",
        "nih:PNEUMONIA=Pneumonia,NORMAL=No Finding",
        "nih:: NORMAL = No Finding , PNEUMONIA = Pneumonia",
        "nih@chest-xray::PNEUMONIA=Pneumonia,NORMAL=No Finding",
        OWN,
    ],
)
def test_a_test_set_has_one_spelling_however_it_is_given(given):
    (external,) = read_all([given, OWN], ("chest-xray",))
    assert external.text == OWN
    assert (external.label, external.file) == ("chest-xray -> nih", "external/nih.parquet")


def test_another_map_is_another_test_set_in_a_file_of_its_own():
    own, wide = read_all(["nih", "nih:NORMAL=No Finding,PNEUMONIA=Pneumonia+Consolidation"], ("chest-xray",))
    assert wide.label == "chest-xray -> nih::PNEUMONIA=Consolidation+Pneumonia"
    assert wide.file != own.file and wide.file == f"external/{path_name(wide.key)}.parquet"


def test_the_options_of_a_data_set_are_no_map():
    (external,) = read_all(["chexpert:labels=edema+fracture:uncertain=ones::NORMAL=Edema,PNEUMONIA="], ("chest-xray",))
    assert external.source == "chexpert:labels=edema+fracture:uncertain=ones"
    assert external.classes == {"NORMAL": ("Edema",), "PNEUMONIA": ()}
    (external,) = read_all(["folder:there/x@y::a=b"], ("chest-xray",))
    assert (external.source, external.classes) == ("folder:there/x@y", {"a": ("b",)})
    assert external.label == "chest-xray -> folder:there/x@y::a=b"


def test_where_the_images_of_a_test_set_lie_stands_in_nothing_that_a_run_keeps(tmp_path):
    given = [f"folder:{tmp_path}/far::normal=x,abnormal=y"]
    spec, places = settings(Choice("builtin", ("phantom",)), {"external": given})
    (external,) = of_target(spec.external, "phantom")
    assert str(tmp_path) not in f"{spec.as_dict()} {external.label} {external.file}"
    assert places[external.source] == f"folder:{tmp_path}/far"
    with pytest.raises(InputError, match="would both be called 'folder:far': rename"):
        settings(
            Choice("builtin", ("folder:elsewhere/../far",)), {"external": [given[0], "folder:/other/far::a=b,c=d"]}
        )


def test_without_a_map_it_is_for_every_data_set_that_has_one():
    of_runs = read_all(["nih", "bcn20000", "isic2019"], ("chest-xray", "ham10000"))
    assert [external.target for external in of_runs] == ["chest-xray", "ham10000", "ham10000"]
    assert of_runs[2].source == "isic2019:sources=bcn+msk+none", "HAM10000's own images are not elsewhere"
    spellings = tuple(external.text for external in of_runs)
    assert [external.source for external in of_target(spellings, "chest-xray")] == ["nih"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nih:PNEUMONIA", "'PNEUMONIA' is no part of a map"),
        ("nih:A=x,A=y", "'A' stands there twice"),
        ("nih:A=x,B=x", "'x' stands for both 'A' and 'B'"),
        ("bcn20000", "bcn20000 has no map of its own for the classes of chest-xray"),
        ("nhi", "Did you mean 'nih'"),
        ("nih@chest-xry", "Did you mean 'chest-xray'"),
    ],
)
def test_what_cannot_be_read_is_named(given, message):
    with pytest.raises(InputError, match=message):
        texts(given)


def test_a_map_of_a_run_with_several_data_sets_says_whose_classes_it_has():
    with pytest.raises(InputError, match=r"nih@chest-xray::A=x"):
        texts("nih:A=x", targets=("chest-xray", "ham10000"))


def test_every_map_of_the_data_sets_names_classes_and_labels_that_exist():
    seen = 0
    for module in datasets.modules():
        for target, text in getattr(module, "EXTERNAL", {}).items():
            (external,) = read_all([text], (target,))
            assert external.key == external.source and external.source.partition(":")[0] == module.NAME
            seen += 1
    assert seen >= 6


# what a map makes of images


class Grey:
    def __call__(self, index):
        return np.full((5, 4), index, dtype=np.uint8)


def indexed(name, task, classes, labels, channels=1):
    labels = np.array(labels, dtype=np.float32)
    count = len(labels)
    return Images(
        dataset=name,
        task=task,
        classes=classes,
        sample_ids=np.array([f"{name}{i}" for i in range(count)]),
        groups=np.array([f"p{i}" for i in range(count)]),
        groups_known=True,
        labels=labels,
        holdout=np.arange(count) % 2 == 0,
        holdout_kind="grouped",
        channels=channels,
        flip=False,
        synthetic=False,
        read=Grey(),
        fingerprint=name,
        about={"title": name},
    )


BINARY = indexed("own", "binary", ("well", "ill"), np.eye(2))
NAN = np.nan
ROWS = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [NAN, 0, 0], [NAN, 1, 0]]
SEVERAL = indexed("far", "multilabel", ("a", "b", "c"), ROWS)


def test_images_of_no_class_or_several_are_left_out_and_counted():
    images = in_classes_of(BINARY, SEVERAL, {"well": ("No Finding",), "ill": ("a", "c")}, "own -> far")
    assert images.sample_ids.tolist() == ["far0", "far1", "far3", "far4"]
    np.testing.assert_array_equal(images.labels, [[1, 0], [0, 1], [0, 1], [0, 1]])
    assert images.about["left_out"] == {"no class": 3, "several classes": 0}, "what may be either is neither"
    assert images.holdout.all() and (images.task, images.classes, images.dataset) == (
        "binary",
        BINARY.classes,
        "own -> far",
    )
    assert images.facts["native"] == "4 x 5 px" and images.facts["external_of"] == "own"
    assert [images.read(i)[0, 0] for i in range(4)] == [0, 1, 3, 4], "rows go on reading their own image"
    images = in_classes_of(BINARY, SEVERAL, {"well": ("a",), "ill": ("b",)}, "own -> far")
    assert images.about["left_out"] == {"no class": 3, "several classes": 1}


def test_labels_that_do_not_exclude_each_other_keep_what_is_unknown():
    own = indexed("own", "multilabel", ("x", "y"), np.eye(2))
    images = in_classes_of(own, SEVERAL, {"x": ("a", "b"), "y": ("c",)}, "n")
    np.testing.assert_array_equal(images.labels[:, 0], [0, 1, 1, 1, 0, NAN, 1])
    images = in_classes_of(own, SEVERAL, {"x": ("a",), "y": ()}, "n")
    assert images.classes == ("x",) and images.about["left_out"] == {"no label known": 2} and len(images.labels) == 5


def test_a_class_that_is_left_out_is_so_by_name():
    three = indexed("own", "multiclass", ("r", "s", "t"), np.eye(3))
    far = indexed("far", "multiclass", ("R", "S", "U"), np.eye(3))
    images = in_classes_of(three, far, {"r": ("R",), "s": ("S",), "t": ()}, "n")
    assert images.classes == ("r", "s") and images.facts["dropped"] == ["t"] and len(images.sample_ids) == 2
    for classes, message in (
        ({"r": ("R",), "s": ("S",)}, "the map says nothing of t"),
        ({"r": ("R",), "s": (), "t": ()}, "leaves 1 classes"),
        ({"r": ("R",), "s": ("s",), "t": ()}, r"unknown label of far 's'. Known: R, S, U"),
        ({"r": ("R",), "s": ("S",), "T": ()}, r"unknown class of own .* 'T'. Known: r, s, t"),
    ):
        with pytest.raises(InputError, match=message):
            in_classes_of(three, far, classes, "n")


def test_images_are_read_in_the_channels_of_the_models():
    colour = replace(BINARY, channels=3)
    images = in_classes_of(colour, SEVERAL, {"well": ("No Finding",), "ill": ("a",)}, "n")
    assert images.channels == 3 and images.read(1).shape == (5, 4, 3)
    assert (
        images.fingerprint != in_classes_of(BINARY, SEVERAL, {"well": ("No Finding",), "ill": ("a",)}, "n").fingerprint
    )
