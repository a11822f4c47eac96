"""Of several drivers of a run one writes MLflow; what it leaves is added by the next, once."""

import dataclasses

import pytest

from benchmark.leases import acquire
from benchmark.results import DONE, LEASES, MIRRORED, REPORT, read_json, write_json
from benchmark.runs import mirroring
from benchmark.runs.mirroring import Mirroring, send_report, unmirrored
from benchmark.runs.request import Request
from studies.open_cells import Message


class Recorder:
    """In place of MLflow's mirror."""

    told: list

    def __init__(self, *arguments):
        self.failure = None

    def __exit__(self, *error):
        pass

    def study_started(self, cell, facts):
        self.told.append(("started", cell.seed))

    def study_finished(self, cell, scores, folder):
        self.told.append(("finished", cell.seed))

    def __enter__(self):
        return self

    def report_written(self, report):
        self.told.append(("report", report.name))

    def trial_finished(self, cell, *rows):
        self.told.append(("trial", cell.seed))


@pytest.fixture
def told(monkeypatch):
    Recorder.told = []
    monkeypatch.setattr(mirroring, "Mirror", Recorder)
    return Recorder.told


@pytest.fixture
def request_(tiny_spec, tmp_path):
    spec = dataclasses.replace(tiny_spec, seeds=3)
    return Request(spec, tmp_path / "run", tmp_path, None, {}, ("cpu",), False, ())


def finish(request, seed):
    cell = list(request.spec.cells())[seed]
    write_json(cell.folder(request.out) / DONE, {"budget": request.spec.budget, "metrics": {"holdout_auroc": 0.5}})
    return Message("done", cell, {"holdout_auroc": 0.5})


def test_the_second_driver_writes_nothing_until_the_first_is_gone_and_then_what_it_left(request_, told):
    other = acquire(request_.out / LEASES / "mirror")
    finish(request_, 0)
    with Mirroring(request_, lambda cell: {}) as mirror:
        mirror.receive(finish(request_, 1))
        assert told == []
        other.release()  # by an error: nothing is noted as mirrored
        mirror.receive(Message("trial", list(request_.spec.cells())[2], ({}, {}, [])))
        assert sorted(told) == sorted(
            [("started", s) for s in range(3)] + [("finished", 0), ("finished", 1), ("trial", 2)]
        )
        mirror.receive(finish(request_, 2))
    assert told.count(("finished", 2)) == 1
    kept = read_json(request_.out / MIRRORED)
    assert {value for name, value in kept.items() if name != "layout"} == {request_.spec.budget}
    assert not unmirrored(request_)
    told.clear()
    with Mirroring(request_, lambda cell: {}):
        pass
    assert told == [], "MLflow has it all"


def test_a_driver_that_ends_last_adds_what_shards_have_done(request_, told):
    for seed in range(3):
        finish(request_, seed)
    assert unmirrored(request_)
    with Mirroring(request_, lambda cell: {}):
        pass
    assert [seed for kind, seed in told if kind == "finished"] == [0, 1, 2]


def test_what_an_interrupted_or_failing_mirror_has_sent_is_sent_again(request_, told, monkeypatch):
    with pytest.raises(KeyboardInterrupt), Mirroring(request_, lambda cell: {}) as mirror:
        mirror.receive(finish(request_, 0))
        raise KeyboardInterrupt
    with Mirroring(request_, lambda cell: {}) as mirror:
        mirror._mirror.failure = "the disk is full"
        mirror.receive(finish(request_, 1))
    assert unmirrored(request_) and not (request_.out / MIRRORED).exists()
    assert told.count(("finished", 0)) == 2


def test_the_report_is_sent_once_and_again_when_it_has_changed(request_, told):
    send_report(request_)
    assert told == [], "there is none"
    index = request_.out / REPORT / "index.html"
    index.parent.mkdir(parents=True)
    for text in ("first", "first", "second"):
        index.write_text(text)
        send_report(request_)
    assert told == [("report", "report")] * 2


def test_a_report_is_left_to_the_driver_that_writes(request_, told):
    (request_.out / REPORT).mkdir(parents=True)
    (request_.out / REPORT / "index.html").write_text("first")
    other = acquire(request_.out / LEASES / "mirror")
    send_report(request_)
    assert told == []
    other.release()
    send_report(request_)
    assert told == [("report", "report")]


def test_what_an_older_layout_of_the_database_has_is_sent_again(request_, told):
    for seed in range(3):
        finish(request_, seed)
    write_json(request_.out / MIRRORED, {cell.key: request_.spec.budget for cell in request_.spec.cells()})
    assert unmirrored(request_)
