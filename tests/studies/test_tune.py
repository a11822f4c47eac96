import json
import multiprocessing
import os
import signal

import pytest

from benchmark.errors import InputError
from benchmark.leases import LeaseLost, acquire, holder
from benchmark.methods import Dimension
from studies.tune import Outcome, Search, best, tune

SPACE = (
    Dimension("rate", "float", 1e-4, 1e-1, log=True),
    Dimension("epochs", "int", 2, 8, log=True),
    Dimension("strength", "float", 0.0, 1.0, step=0.25),
    Dimension("depth", "choice", choices=("head", "last", "all")),
)
DEFAULT = {"rate": 1e-2, "epochs": 8, "strength": 0.5, "depth": "all"}


def search(folder, sampler="tpe", cell="d/n100/seed00/a", higher=True):
    return Search(folder / "study.jsonl", cell, SPACE, DEFAULT, sampler, higher, 0)


def outcome(value):
    return Outcome(value, (value,), 1, 1, "ok", 0.0, 0.0)


def evaluate(number, parameters):
    return outcome(-abs(parameters["rate"] - 0.01) + 0.1 * parameters["strength"])


def parameters(trials):
    return [dict(trial.parameters) for trial in trials]


def killed(folder, at):
    """Run a study that is killed (SIGKILL) inside trial `at`."""

    def dying(number, parameters):
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return evaluate(number, parameters)

    process = multiprocessing.get_context("fork").Process(target=tune, args=(search(folder), 12, dying))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_exactly_the_budget_with_the_default_first(tmp_path, sampler):
    trials = tune(search(tmp_path, sampler), 14, evaluate)
    assert [trial.number for trial in trials] == list(range(14))
    assert parameters(trials)[0] == DEFAULT
    assert len({json.dumps(p) for p in parameters(trials)}) > 10
    for trial in trials:
        assert all(dimension.holds(trial.parameters[dimension.name]) for dimension in SPACE)


def test_a_study_killed_again_and_again_asks_what_an_uninterrupted_one_asks(tmp_path):
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    whole = tune(search(tmp_path / "whole"), 12, evaluate)
    for at in (0, 0, 3, 11):
        killed(tmp_path / "killed", at)
    told = []
    continued = tune(search(tmp_path / "killed"), 12, evaluate, told.append)
    assert parameters(continued) == parameters(whole)
    assert len(told) == 1, "only the newly finished trial is told"


def test_a_torn_last_line_is_dropped(tmp_path):
    whole = tune(search(tmp_path), 5, evaluate)
    with (tmp_path / "study.jsonl").open("a") as journal:
        journal.write('{"op_code": 4, "worker_id')
    assert parameters(tune(search(tmp_path), 6, evaluate))[:5] == parameters(whole)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:9], b"\0" * 200, *lines[10:]],
        lambda lines: [b"not a journal", *lines],
        lambda lines: [line.replace(b'"outcome"', b'"outcame"') for line in lines],
        lambda lines: [b"[]", b"{}", b"7"],
    ],
)
def test_a_journal_that_cannot_be_read_is_set_aside_and_the_study_begun_anew(tmp_path, capsys, spoil):
    whole = tune(search(tmp_path), 5, evaluate)
    journal = tmp_path / "study.jsonl"
    spoilt = b"\n".join(spoil(journal.read_bytes().splitlines())) + b"\n"
    journal.write_bytes(spoilt)
    assert parameters(tune(search(tmp_path), 5, evaluate)) == parameters(whole)
    assert "its journal cannot be read" in (said := capsys.readouterr().err)
    assert "set aside as study.jsonl.damaged; computed again from the start" in said and "Traceback" not in said
    assert (tmp_path / "study.jsonl.damaged").read_bytes().startswith(spoilt)
    assert parameters(tune(search(tmp_path), 5, evaluate)) == parameters(whole)
    assert not capsys.readouterr().err


def test_a_larger_budget_extends_and_a_smaller_one_is_refused(tmp_path):
    first = tune(search(tmp_path), 4, evaluate)
    assert parameters(tune(search(tmp_path), 7, evaluate))[:4] == parameters(first)
    with pytest.raises(InputError, match="7 finished trials"):
        tune(search(tmp_path), 4, evaluate)


def test_an_exception_leaves_the_trial_to_be_asked_again(tmp_path):
    asked = []

    def failing(number, parameters):
        asked.append(dict(parameters))
        if number == 2 and len(asked) == 3:
            raise MemoryError
        return evaluate(number, parameters)

    with pytest.raises(MemoryError):
        tune(search(tmp_path), 4, failing)
    tune(search(tmp_path), 4, failing)
    assert asked[2] == asked[3]


def test_what_a_holder_that_was_passed_over_still_writes_goes_nowhere(tmp_path):
    lease = acquire(tmp_path / "lease")
    inner = []

    def asleep(number, parameters):
        if number == 1 and not inner:  # while another process takes the study over and ends it
            with acquire(tmp_path / "lease", dead=holder(tmp_path / "lease").stamp) as other:
                other.fence(search(tmp_path).journal)
                inner.append(tune(search(tmp_path), 4, evaluate, check=other.check))
        return evaluate(number, parameters)

    tune(search(tmp_path), 4, asleep)  # and never checks
    again = tune(search(tmp_path), 4, lambda number, parameters: pytest.fail("nothing is left"))
    assert parameters(again) == parameters(inner[0]) and len(again) == 4
    before = search(tmp_path).journal.read_bytes()
    with pytest.raises(LeaseLost):
        tune(search(tmp_path), 5, evaluate, check=lease.check)
    assert search(tmp_path).journal.read_bytes() == before


def test_cells_search_differently(tmp_path):
    (tmp_path / "b").mkdir()
    one = tune(search(tmp_path), 3, evaluate)
    two = tune(search(tmp_path / "b", cell="d/n100/seed01/a"), 3, evaluate)
    assert parameters(one)[1:] != parameters(two)[1:]


def test_best_is_the_earliest_of_equals(tmp_path):
    trials = tune(search(tmp_path), 3, lambda number, parameters: outcome(0.5))
    assert best(trials).number == 0


def test_a_metric_of_which_lower_is_better_is_searched_downwards(tmp_path):
    def loss(number, parameters):
        return outcome(abs(parameters["rate"] - 0.01) - 0.1 * parameters["strength"])

    for folder in ("down", "up"):
        (tmp_path / folder).mkdir()
    down = tune(search(tmp_path / "down", higher=False), 12, loss)
    up = tune(search(tmp_path / "up"), 12, evaluate)
    assert parameters(down) == parameters(up), "the mirror image of the same search"
    assert best(down, higher_is_better=False).number == best(up).number
