"""The choice of the holdout, and what it makes of the facts."""

import dataclasses

import numpy as np
import pytest

from benchmark import datasets
from benchmark.images.contract import LoadOptions
from benchmark.images.holdout import choose, grouped

OFFICIAL, DRAWN = np.array([True, False, False]), np.array([False, False, True])


@pytest.mark.parametrize(
    ("wanted", "official", "mask", "kind"),
    [
        ("official", OFFICIAL, OFFICIAL, "official"),
        ("grouped", OFFICIAL, DRAWN, "grouped"),
        ("official", None, DRAWN, "grouped"),
        ("grouped", None, DRAWN, "grouped"),
    ],
)
def test_official_where_it_is_wanted_and_there(wanted, official, mask, kind):
    chosen = choose(wanted, official, lambda: DRAWN)
    np.testing.assert_array_equal(chosen[0], mask)
    assert chosen[1] == kind


def test_nothing_is_drawn_where_the_official_one_is_taken():
    choose("official", OFFICIAL, lambda: pytest.fail("it was drawn"))


def test_the_draw_is_keyed_by_data_set_and_root_seed():
    groups = np.array([f"patient {i}" for i in range(200)])
    labels = np.eye(2, dtype=np.float32)[np.arange(200) % 2]
    first = grouped("a", groups, labels, False, 0)
    np.testing.assert_array_equal(first, grouped("a", groups, labels, False, 0))
    assert (first != grouped("b", groups, labels, False, 0)).any()
    assert (first != grouped("a", groups, labels, False, 1)).any()


def test_facts_follow_the_fields_and_what_is_said_beside_them():
    images = datasets.load("phantom", None, LoadOptions())
    assert images.facts == {
        "title": "SYNTHETIC radiographs with or without nodules (built in)",
        "holdout": "official",
        "source": "generated",
        "licence": "none needed",
        "synthetic": True,
    }
    other = dataclasses.replace(images, holdout_kind="grouped", groups_known=False, synthetic=False)
    assert other.facts == {
        **images.facts,
        "holdout": "grouped",
        "synthetic": False,
        "leaks": "not verifiable: no patient ids",
    }
    label = dataclasses.replace(images, about={**images.about, "holdout": "official (valid.csv)"})
    assert label.facts["holdout"] == "official (valid.csv)"
