"""Data sets are found by being there: half-written files are left out and named; one data set has one name."""

import re

import numpy as np
import pytest

from benchmark import data, datasets
from benchmark.errors import InputError
from benchmark.images.contract import LoadOptions
from tests.conftest import write_images

SOUND = '''
from benchmark.images.contract import Origin

NAME, TITLE, FOLDER, REAL, CORPUS, VARIANT = "mine", "my images", "mine", True, False, ""
ORIGIN = Origin("me", "mine", "3 images", ("look",))


def load(folder, options):
    """Index it."""
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Adds a file to the data sets, for one test: its name and its text."""
    folder = tmp_path / "added"
    folder.mkdir()
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(folder)])
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)

    def add(stem, text):
        (folder / f"{stem}.py").write_text(text)
        datasets.MODULES.forget()

    yield add
    datasets.MODULES.forget()


def test_a_new_file_is_a_data_set(added, capsys):
    added("added_sound", SOUND)
    assert "mine" in datasets.names()
    assert not datasets.MODULES.problems()
    assert data.main(["list"]) == 0
    assert "mine\n  my images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stem", "before", "after", "message"),
    [
        (
            "added_origin",
            'ORIGIN = Origin("me", "mine", "3 images", ("look",))',
            "",
            r"it lacks ORIGIN\. Example: ORIGIN",
        ),
        ("added_real", "True, False,", '"yes", False,', r"its REAL is 'yes'\. Example: REAL = True"),
        ("added_load", "def load", "def lode", r"it lacks the function load\. Example: def load\(folder: Path"),
        ("added_root", "(folder, options)", "(root, options)", r"its load takes \(root, options\)\. Example: def load"),
        ("added_import", "import Origin", "import Orgin", "it cannot be imported .*Orgin"),
        ("added_twice", '"mine", "my', '"nih", "my', "its NAME 'nih' is taken by nih.py"),
    ],
)
def test_a_half_written_file_is_left_out_and_named(added, capsys, stem, before, after, message):
    assert before in SOUND
    added(stem, SOUND.replace(before, after))
    assert data.main(["list"]) == 0, "the others go on"
    output = capsys.readouterr()
    assert "phantom" in output.out
    assert "my images" not in output.out
    assert f"{stem}.py" in output.err
    (problem,) = datasets.MODULES.problems()
    assert problem in output.err
    assert re.search(message, problem)


def test_what_is_wrong_with_a_file_is_said_to_whom_asks_for_it(added):
    added("added_asked", SOUND.replace("REAL,", "REEL,"))
    with pytest.raises(InputError, match=r"data set 'mine' cannot be used: .*added_asked\.py: it lacks REAL"):
        datasets.find("mine")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("folder:x", "folder:x"),
        ("folder:./x", "folder:x"),
        ("folder:x/", "folder:x"),
        ("folder:a/../x//y/.", "folder:x/y"),
        ("folder:/x/", "folder:/x"),
        ("phantom", "phantom"),
        ("chexpert:", "chexpert"),
        ("chexpert:views=all", "chexpert:views=all"),
        ("medmnist:dermamnist", "medmnist:dermamnist"),
    ],
)
def test_one_data_set_has_one_name(name, expected):
    assert datasets.canonical(name) == expected
    assert datasets.canonical(expected) == expected


def test_unknown_names_have_none():
    with pytest.raises(InputError, match="Did you mean 'folder'"):
        datasets.canonical("foldr:x")


def test_a_folder_by_any_spelling_is_the_same_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "x", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(6)])
    first, *others = (datasets.load(f"folder:{path}", None, LoadOptions()) for path in ("x", "./x", "x/"))
    assert first.dataset == "folder:x"
    for other in others:
        assert other.dataset == first.dataset
        assert other.fingerprint == first.fingerprint
        np.testing.assert_array_equal(other.holdout, first.holdout)
    assert datasets.images_of("folder:./x") == datasets.images_of("folder:x") == {"folder:x"}
