import hashlib
import json
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.spec import EXTENSIBLE, PRESETS, BenchmarkSpec, Cell, read_preset


def test_the_grid_holds_every_combination_once():
    spec = BenchmarkSpec(datasets=("a", "b"), arms=("x", "y", "z"), n_per_class=(50, 100), seeds=3)
    cells = list(spec.cells())
    assert len(cells) == len(set(cells)) == 2 * 3 * 2 * 3
    assert Cell("b", 100, 2, "z") in cells


def test_cell_key_is_its_folder():
    cell = Cell("folder:scans/mine", 100, 3, "scratch")
    assert cell.folder(Path("run")) == Path("run/cells/folder:scans~2Fmine/n100/seed03/scratch")
    assert cell.folder(Path("run")) != Cell("folder:scans_mine", 100, 3, "scratch").folder(Path("run"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": 0}, "budget"),
        ({"folds": 1}, "folds"),
        ({"arms": ()}, "arms"),
        ({"arms": ("scratch", "scratch")}, "twice"),
        ({"min_epochs": 0}, "min_epochs"),
        ({"min_epochs": 61}, "'min_epochs' is 61, more than 'max_epochs', which is 60"),
        ({"sampler": "tp"}, "Did you mean 'tpe'"),
        ({"precision": "float16"}, "precision"),
        ({"image_size": 8}, "image_size"),
        ({"tune_metric": "auroq"}, "Did you mean 'auroc'"),
        ({"report_metric": "logloss"}, "Did you mean 'log_loss'"),
    ],
)
def test_bad_settings_are_named(change, said):
    with pytest.raises(InputError, match=said):
        BenchmarkSpec(**({"datasets": ("phantom",)} | change))


def test_identity_ignores_what_may_grow_and_nothing_else():
    spec = BenchmarkSpec(datasets=("phantom",))
    grown = BenchmarkSpec(datasets=("phantom", "more"), budget=99)
    assert spec.identity({}) == grown.identity({})
    assert spec.identity({}) == BenchmarkSpec(datasets=("phantom",), report_metric="brier").identity({})
    assert BenchmarkSpec.from_dict(grown.as_dict()) == grown
    assert spec.identity({}) != BenchmarkSpec(datasets=("phantom",), folds=4).identity({})
    assert spec.identity({}) != spec.identity({"data phantom": "1"})


def test_a_run_of_an_older_version_is_found_under_its_name():
    plain = BenchmarkSpec(datasets=("phantom",))
    before = {name: value for name, value in plain.as_dict().items() if name not in (*EXTENSIBLE, "merge_duplicates")}
    text = json.dumps([before, {}], sort_keys=True)
    assert plain.identity({}) == hashlib.sha256(text.encode()).hexdigest()
    assert plain.identity({}) != BenchmarkSpec(datasets=("phantom",), merge_duplicates=True).identity({})


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_preset_is_valid(path):
    spec = BenchmarkSpec(**({"datasets": ("phantom",)} | read_preset(path)))
    assert spec.refits >= 3, "one refit varies by rounding alone"
    assert spec.max_epochs >= 2 * spec.min_epochs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bugdet = 3", "Did you mean 'budget'"),
        ("budget = '3'", "not a whole number"),
        ("arms = [1]", "not a list of texts"),
        ("budget = ", "not valid TOML"),
        ("metric = 'auroc'", "'tune_metric' for what the studies tune"),
    ],
)
def test_bad_presets_are_refused(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_preset(path)


def test_unknown_preset_shows_the_near_miss():
    with pytest.raises(InputError, match="Did you mean 'builtin'"):
        read_preset(PRESETS / "buildin.toml")
