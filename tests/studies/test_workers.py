"""The driver and its workers: equal results however many they are, and survival of their deaths."""

import dataclasses
import os
import signal

import pytest

from benchmark.results import CURVES, PREDICTIONS, STUDY, TRIALS
from benchmark.spec import Cell
from studies import workers
from studies.trainer import CellJob
from studies.workers import execute

ARMS = ("scratch", "scratch-same")


@pytest.fixture
def jobs(tiny_spec, toy_block, tmp_path):
    spec = dataclasses.replace(tiny_spec, arms=ARMS)
    return [CellJob(Cell("toy", 12, 0, arm), toy_block, None, spec, tmp_path / "run", "cpu") for arm in ARMS]


def tables(jobs):
    return [(job.cell.folder(job.run) / name).read_bytes() for job in jobs for name in (TRIALS, CURVES, PREDICTIONS)]


def test_workers_die_and_the_tables_stay_the_same(jobs, tmp_path, monkeypatch):
    started = []
    start = workers._start

    def watched():
        worker = start()
        started.append(worker)
        return worker

    monkeypatch.setattr(workers, "_start", watched)
    killed = []

    def kill_once(message):
        if message.kind == "trial" and not killed:
            killed.append(message.cell)
            os.kill(started[0].process.pid, signal.SIGKILL)

    assert execute(jobs, 1, kill_once) == {}
    assert len(started) == 2, "the killed worker was replaced"
    again = [dataclasses.replace(job, run=tmp_path / "again") for job in jobs]
    received = []
    assert execute(again, 2, received.append) == {}
    assert sum(message.kind == "trial" for message in received) == 2 * jobs[0].spec.budget
    assert sum(message.kind == "done" for message in received) == 2
    assert tables(jobs) == tables(again)


def test_one_failing_cell_does_not_stop_the_others(jobs):
    journal = jobs[0].cell.folder(jobs[0].run) / STUDY
    journal.parent.mkdir(parents=True)
    journal.write_text("not a journal\n")
    received = []
    failed = execute(jobs, 1, received.append)
    assert set(failed) == {jobs[0].cell}
    assert "study.jsonl" in failed[jobs[0].cell]
    assert [message.kind for message in received if message.cell == jobs[1].cell][-1] == "done"
