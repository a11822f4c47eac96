"""The driver and its workers: equal results however many they are and whatever is begun first, and their deaths."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.results import CURVES, PREDICTIONS, TRIALS, VALIDATION
from benchmark.spec import Cell
from studies import workers
from studies.costs import Costs
from studies.devices import CardMemory
from studies.trainer import CellJob
from studies.workers import execute

ROOT = Path(__file__).parents[2]
ARMS = ("scratch", "scratch-same")


@pytest.fixture
def jobs(tiny_spec, toy_block, tmp_path):
    spec = dataclasses.replace(tiny_spec, arms=ARMS)
    return [CellJob(Cell("toy", 12, 0, arm), toy_block, None, spec, tmp_path / "run", "cpu") for arm in ARMS]


def run(jobs, count, receive=lambda message: None, **options):
    costs = options.pop("costs", None) or Costs({job.cell: job.spec.budget for job in jobs})
    return execute(jobs, ("cpu",) * count, receive, costs, **options)


def tables(jobs):
    return [
        (job.cell.folder(job.run) / name).read_bytes()
        for job in jobs
        for name in (TRIALS, CURVES, VALIDATION, PREDICTIONS)
    ]


def test_workers_die_and_the_tables_stay_the_same(jobs, tmp_path, monkeypatch):
    started = []
    start = workers._start

    def watched(device):
        worker = start(device)
        started.append(worker)
        return worker

    monkeypatch.setattr(workers, "_start", watched)
    killed = []

    def kill_once(message):
        if message.kind == "trial" and not killed:
            killed.append(message.cell)
            os.kill(started[0].process.pid, signal.SIGKILL)

    assert run(jobs, 1, kill_once) == {}
    assert len(started) == 2, "the killed worker was replaced"
    again = [dataclasses.replace(job, run=tmp_path / "again") for job in jobs]
    received = []
    costs = Costs({job.cell: job.spec.budget for job in again})
    costs.learn(again[1].cell, [10.0])  # so that the other cell is begun last
    costs.learn(again[0].cell, [1.0])
    assert run(again, 5, received.append, costs=costs) == {}
    assert len(started) == 2 + 2, "never more workers than cells"
    assert sum(message.kind == "trial" for message in received) == 2 * jobs[0].spec.budget
    assert sum(message.kind == "done" for message in received) == 2
    assert tables(jobs) == tables(again)


def test_the_longest_cell_is_begun_first_and_a_card_takes_no_more_than_it_holds(jobs):
    order, computing = [], []

    def receive(message):
        if message.kind == "trial":
            assert computing in ([], [message.cell]), "one at a time"
            computing[:] = [message.cell]
        else:
            order.append(message.cell.arm)
            computing.clear()

    costs = Costs({job.cell: job.spec.budget for job in jobs})
    costs.learn(jobs[0].cell, [1.0])
    costs.learn(jobs[1].cell, [2.0])
    assert run(jobs, 2, receive, costs=costs, memory=CardMemory({"cpu": 800.0})) == {}
    assert order == ["scratch-same", "scratch"]


def test_one_failing_cell_does_not_stop_the_others(jobs):
    assert run(jobs[:1], 1) == {}
    spec = dataclasses.replace(jobs[0].spec, budget=jobs[0].spec.budget - 1)
    jobs = [dataclasses.replace(job, spec=spec) for job in jobs]  # the first has more trials than that
    received = []
    failed = run(jobs, 1, received.append)
    assert set(failed) == {jobs[0].cell}
    assert "study.jsonl" in failed[jobs[0].cell]
    assert [message.kind for message in received if message.cell == jobs[1].cell][-1] == "done"


DRIVER = """
import multiprocessing, os, signal, time
import numpy as np
from benchmark.images import decoding
from studies import workers

def busy(pipe):
    workers.follow_parent()
    while True:
        pass

def slow(start):
    time.sleep(60)

workers.PRELOADED = ("studies.server_guard",)
workers._work = busy
workers._start("cpu")
work = decoding._spread(slow, range(4), 2, 10_000)
signal.setitimer(signal.ITIMER_REAL, 2)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
next(work)
"""


def test_no_process_outlives_a_killed_driver(tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    mark = f"OUTLIVES={tmp_path}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OUTLIVES": str(tmp_path)}
    driver = subprocess.Popen([sys.executable, str(tmp_path / "driver.py")], env=environment)
    most = 0
    while driver.poll() is None:
        most = max(most, len(processes(mark)))
        time.sleep(0.1)
    assert driver.returncode == -signal.SIGKILL
    assert most >= 5, "the driver, the server, a worker and two that decode were there"
    deadline = time.monotonic() + 5
    while processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(mark) == []


def processes(mark):
    """Those that have this in their environment; of ended ones there is none to read."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                alive.append(folder.name)
    return alive
