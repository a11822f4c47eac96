"""A run with missing cells: the largest complete part is analysed, and what is missing is named first."""

import pytest

from analysis.predictions.partial import complete_part
from benchmark.errors import InputError
from benchmark.results import DONE, FAILED, write_json
from benchmark.spec import Cell
from tests.analysis.simulated_run import settings


def finish(run, spec, missing=(), failed=None):
    for cell in spec.cells():
        folder = cell.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / DONE, {"budget": spec.budget})
        if (cell.n_per_class, cell.seed, cell.arm) in missing:
            for path in folder.iterdir():
                path.unlink()
            if failed:
                write_json(folder / FAILED, {"reason": failed})
    return {"spec": spec.as_dict()}


def kept(run, spec, described):
    folders = complete_part(run, described).folders
    return {(cell.n_per_class, cell.seed, cell.arm) for cell in spec.cells() if cell.folder(run) in folders}


@pytest.mark.parametrize(
    ("missing", "arms", "seeds"),
    [
        ({(1, "b")}, "abc", {0, 2, 3}),
        ({(1, "b"), (2, "c")}, "abc", {0, 3}),  # six cells, as two arms on three seeds have: then more arms
        ({(0, "b"), (1, "b"), (2, "b"), (3, "b")}, "ac", {0, 1, 2, 3}),
        ({(s, arm) for s in range(3) for arm in "bc"}, "abc", {3}),  # two arms at least, though `a` alone has four
        ({(s, arm) for s in range(4) for arm in "bc"}, "a", {0, 1, 2, 3}),
        (set(), "abc", {0, 1, 2, 3}),
    ],
)
def test_the_largest_complete_part_is_taken_and_two_arms_before_more_seeds(tmp_path, missing, arms, seeds):
    spec = settings(datasets=("d",), arms=("a", "b", "c"), n_per_class=(10,), seeds=4)
    described = finish(tmp_path, spec, {(10, seed, arm) for seed, arm in missing})
    taken = {(seed, arm) for _, seed, arm in kept(tmp_path, spec, described)}
    assert taken == {(seed, arm) for seed in seeds for arm in arms}
    caution = complete_part(tmp_path, described).caution
    assert (caution is None) == (not missing)
    for arm in {arm for _, arm in missing}:
        of_arm = sorted(seed for seed, other in missing if other == arm)
        several = f"d, n = 10, {arm}, seeds {', '.join(map(str, of_arm))} (not finished)"
        assert (several if len(of_arm) > 1 else f"d/n10/seed0{of_arm[0]}/{arm} (not finished)") in caution


def test_a_cell_of_a_smaller_budget_is_missing_and_a_failure_says_why(tmp_path):
    spec = settings(datasets=("d",), n_per_class=(10,))
    described = finish(tmp_path, spec, {(10, 1, "scratch")}, "Traceback\n  ...\nValueError: bad luck")
    write_json(Cell("d", 10, 2, "imagenet").folder(tmp_path) / DONE, {"budget": spec.budget - 1})
    caution = complete_part(tmp_path, described).caution
    assert "2 of 6 cells are missing" in caution and "scratch, imagenet on seeds 0" in caution
    assert "d/n10/seed01/scratch (failed: ValueError: bad luck)" in caution


def test_nothing_finished_or_no_run_is_an_error(tmp_path):
    spec = settings(datasets=("d",), n_per_class=(10,))
    for described in ({"spec": spec.as_dict()}, {}, {"spec": {"metric": 1}}):
        with pytest.raises(InputError):
            complete_part(tmp_path, described)
