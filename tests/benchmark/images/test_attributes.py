"""What data sets tell of their patients beside the labels, and what a run keeps of it."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark import datasets
from benchmark.images.attributes import MOST_VALUES, age_bands, attributes_of, texts
from benchmark.images.contract import LoadOptions
from benchmark.images.decoding import subset
from benchmark.results import ATTRIBUTES, PICTURES, read_table
from benchmark.runs.holdout_facts import LONGEST_SIDE, write_attributes, write_pictures
from benchmark.runs.records import characteristic_records
from tests.chexpert_tree import write_chexpert
from tests.conftest import real_data, write_images

NAMES = [f"{label}/{i}.png" for label in ("benign", "malign") for i in range(20)]


@pytest.fixture
def mine(tmp_path):
    """40 images of 20 patients, half of them women, with a column of names that is nobody's business."""
    write_images(tmp_path / "mine", NAMES)
    rows = [[name, f"p{i // 2}", ("F", "M")[i // 2 % 2], 30 + i, f"patient number {i}"] for i, name in enumerate(NAMES)]
    with (tmp_path / "mine/groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "group", "Sex", "age", "name"], *rows])
    return datasets.load(f"folder:{tmp_path / 'mine'}", None, LoadOptions(image_size=16))


def test_ages_come_in_bands_of_twenty_years():
    given = pd.Series(["0", "19.0", "20", "058Y", "011M", "80", "101", "", None, "old", "-3", "411"])
    expected = ["0 to 19", "0 to 19", "20 to 39", "40 to 59", "0 to 19", "80 or more", "80 or more", *["unknown"] * 5]
    assert list(age_bands(given)) == expected


def test_texts_are_small_letters_and_empty_ones_unknown():
    assert list(texts(pd.Series([" Female", "male", "", None, "NaN"]))) == ["female", "male", *["unknown"] * 3]


def test_what_a_table_lacks_or_no_row_has_is_no_attribute():
    frame = pd.DataFrame({"Sex": ["F", "M"], "Age": ["", None]})
    assert list(attributes_of(frame, {"sex": "Sex", "age": "Age", "view": "View"})) == ["sex"]


def test_names_and_free_text_are_no_attributes(mine):
    assert set(mine.attributes) == {"sex", "age"}
    many = pd.DataFrame({"site": [f"site {i}" for i in range(MOST_VALUES + 1)]})
    assert attributes_of(many, {"site": "site"}) == {}
    assert attributes_of(many.iloc[1:], {"site": "site"})


def test_attributes_stay_with_their_images(mine):
    keep = np.arange(len(mine.sample_ids)) % 3 == 0
    part = subset(mine, keep, {})
    assert list(part.attributes["sex"]) == list(mine.attributes["sex"][keep])
    by_name = dict(zip(mine.sample_ids, mine.attributes["sex"], strict=True))
    assert by_name["benign/0.png"] == "f" and by_name["benign/2.png"] == "m"


def test_a_run_keeps_the_attributes_of_its_holdout_alone(mine, tmp_path):
    write_attributes(tmp_path, {mine.dataset: mine})
    frame = read_table(tmp_path / ATTRIBUTES)
    held = set(mine.sample_ids[mine.holdout])
    assert set(frame["sample_id"]) == held and len(frame) == 2 * len(held)
    assert set(frame["attribute"]) == {"sex", "age"} and set(frame["dataset"]) == {mine.dataset}


def test_without_attributes_and_pictures_nothing_is_written(tmp_path):
    phantom = datasets.load("phantom", None, LoadOptions(image_size=16))
    write_attributes(tmp_path, {"phantom": phantom})
    write_pictures(tmp_path, {"phantom": phantom}, {})
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_small_and_carry_no_metadata(tmp_path):
    write_images(tmp_path / "mine", NAMES, size=300)
    images = datasets.load(f"folder:{tmp_path / 'mine'}", None, LoadOptions(image_size=16))
    wanted = {images.dataset: [str(images.sample_ids[3]), "not there"], "another": ["x"]}
    write_pictures(tmp_path, {images.dataset: images}, wanted)
    (row,) = read_table(tmp_path / PICTURES).itertuples()
    with Image.open(io.BytesIO(row.jpeg)) as picture:
        assert max(picture.size) == LONGEST_SIDE and not picture.getexif()
    assert row.sample_id == images.sample_ids[3]


def test_an_image_that_is_gone_has_no_picture(mine, tmp_path):
    (tmp_path / "mine" / str(mine.sample_ids[0])).unlink()
    write_pictures(tmp_path, {mine.dataset: mine}, {mine.dataset: [str(name) for name in mine.sample_ids[:2]]})
    assert list(read_table(tmp_path / PICTURES)["sample_id"]) == [mine.sample_ids[1]]


def test_a_licence_that_forbids_to_pass_images_on_is_kept(tmp_path):
    images = datasets.load("chexpert", write_chexpert(tmp_path, 200), LoadOptions(image_size=16))
    assert not images.shareable
    write_pictures(tmp_path, {"chexpert": images}, {"chexpert": list(images.sample_ids[:3])})
    assert not (tmp_path / PICTURES).exists()
    assert set(images.attributes["sex"]) == {"female"} and set(images.attributes["age"]) == {"60 to 79"}
    assert set(images.attributes["view"]) == {"frontal"}, "this table has no AP/PA"


def test_characteristics_count_images_and_patients_on_both_sides(mine):
    records = {record["value"]: record for record in characteristic_records(mine) if record["attribute"] == "sex"}
    assert set(records) == {"f", "m"}
    for part, rows in (("pool", ~mine.holdout), ("holdout", mine.holdout)):
        assert sum(record[f"{part}_images"] for record in records.values()) == rows.sum()
        assert sum(record[f"{part}_groups"] for record in records.values()) == len(set(mine.groups[rows]))


@pytest.mark.skipif(real_data() is None, reason="needs the real images")
def test_ham10000_tells_sex_age_and_site():
    from benchmark.datasets import ham10000

    frame = ham10000._rows(real_data() / "HAM10000", "grouped")
    attributes = attributes_of(frame, ham10000.ATTRIBUTES)
    assert (attributes["sex"] == "unknown").sum() == (attributes["age"] == "unknown").sum() == 57
    assert "back" in attributes["site"]
