"""Engines: the same cells, wherever they run; what is missing is said with the way to get it."""

import dataclasses
import os
import signal
import subprocess
import time
from importlib.util import find_spec

import pytest

from benchmark.errors import InputError
from benchmark.leases import acquire
from benchmark.results import CURVES, DONE, PREDICTIONS, TRIALS, VALIDATION
from benchmark.spec import Cell
from studies import engines
from studies.costs import Costs
from studies.engines import Settings
from studies.open_cells import Ended, OpenCells, failure, lease_folder, note_failure
from studies.trainer import CellJob

ARMS = ("scratch", "scratch-same")


@pytest.fixture
def jobs(tiny_spec, toy_block, tmp_path):
    spec = dataclasses.replace(tiny_spec, arms=ARMS)
    return [CellJob(Cell("toy", 12, 0, arm), toy_block, None, spec, tmp_path / "run", "cpu") for arm in ARMS]


def run(name, jobs, **settings):
    received = []
    costs = Costs({job.cell: job.spec.budget for job in jobs})
    failed = engines.find(name).execute(jobs, Settings(("cpu", "cpu"), **settings), received.append, costs)
    assert [message.kind for message in received if message.kind != "trial"] == ["done"] * len(jobs)
    assert failed == {} and not any(costs.left.values())
    return {
        (job.cell.arm, name): (job.cell.folder(job.run) / name).read_bytes()
        for job in jobs
        for name in (TRIALS, CURVES, VALIDATION, PREDICTIONS)
    }


def alone(jobs, tmp_path):
    return run("local", [dataclasses.replace(job, run=tmp_path / "alone") for job in jobs])


@pytest.mark.parametrize(("name", "extra"), [("ray", "ray"), ("submitit", "slurm")])
def test_an_engine_that_is_not_installed_says_how_to_get_it(monkeypatch, name, extra):
    monkeypatch.setattr(engines, "find_spec", lambda package: None)
    with pytest.raises(InputError, match=rf"pip install .*\[{extra}\].*--shard"):
        engines.find(name)
    with pytest.raises(InputError, match="Did you mean 'submitit'"):
        engines.find("submitted")


def test_the_local_engine_takes_no_words_of_others(jobs):
    with pytest.raises(InputError, match="--resources"):
        engines.find("local").execute(jobs, Settings(("cpu",), None, {"num_gpus": "1"}), print, Costs({}))


@pytest.mark.skipif(find_spec("submitit") is None, reason="the extra 'slurm' is not installed")
def test_tasks_of_submitit_of_which_one_is_killed_leave_the_same_tables(jobs, tmp_path, monkeypatch):
    engine = engines.find("submitit")
    submit, killed = engine._submit, []

    def submit_and_kill(*arguments):
        tasks = submit(*arguments)
        if not killed:
            while not lease_folder(jobs[0].run, jobs[0].cell).exists():
                time.sleep(0.02)
            pids = subprocess.run(["pgrep", "-P", tasks[0].job_id], capture_output=True, text=True, check=True).stdout
            killed.extend(map(int, pids.split()))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        return tasks

    monkeypatch.setattr(engine, "_submit", submit_and_kill)
    assert run("submitit", jobs, resources={"cluster": "local"}) == alone(jobs, tmp_path)
    assert killed
    with pytest.raises(InputError, match="does not take"):
        run("submitit", jobs, resources={"cluster": "local", "gpu": "1"})


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")
def test_a_ray_cluster_of_two_nodes_of_which_one_is_lost_leaves_the_same_tables(jobs, tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    jobs = [dataclasses.replace(job, spec=dataclasses.replace(job.spec, budget=12)) for job in jobs]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    lost = cluster.add_node(num_cpus=1)
    gone = []
    look = OpenCells.look

    def look_and_lose(self, idle=False):
        """The second node dies as soon as both cells have been begun."""
        if not gone and all(lease_folder(job.run, job.cell).exists() for job in jobs):
            gone.append(cluster.remove_node(lost, allow_graceful=False))
        return look(self, idle)

    monkeypatch.setattr(OpenCells, "look", look_and_lose)
    try:
        tables = run("ray", jobs, address=cluster.address)
    finally:
        cluster.shutdown()
    assert gone
    assert tables == alone(jobs, tmp_path)


def test_cells_that_others_hold_are_waited_for_and_taken_over(jobs, monkeypatch):
    monkeypatch.setattr("studies.open_cells.LOOK_EVERY", 0.0)
    first, second = (job.cell for job in jobs)
    note_failure(jobs[0].run, first, "at an earlier start")
    cells = OpenCells(jobs, Costs({job.cell: 3 for job in jobs}), dead_after=0.2)
    assert failure(jobs[0].run, first) is None, "the next start forgets it"
    assert [job for job, _ in cells.take_all()] == jobs and not cells.waiting
    leases = {cell: acquire(lease_folder(jobs[0].run, cell), heartbeat=0.05) for cell in (first, second)}
    for cell in (first, second):
        assert cells.ended(cell, Ended("held", "by another")) is None
    assert cells.look() == [] and cells.elsewhere
    note_failure(jobs[0].run, first, "out of luck")
    leases[first].release()
    (message,) = cells.look()
    assert (message.kind, message.cell, message.content) == ("failed", first, "out of luck")
    leases[second]._ended.set()  # asleep
    while not cells.waiting:
        assert cells.look() == []
        time.sleep(0.02)
    ((job, dead),) = cells.take_all()
    assert job.cell == second and not cells.elsewhere
    acquire(lease_folder(job.run, second), dead).release()
    folder = first.folder(job.run)
    (folder / DONE).write_text('{"budget": 3, "metrics": {}}')
    assert cells.still_failed() == {}, "somebody else did it in the end"


def test_a_cell_that_dies_three_times_without_a_trial_between_has_failed(jobs, monkeypatch):
    cells = OpenCells(jobs[:1], Costs({jobs[0].cell: 3}))
    counts = iter([0, 0, 1, 1, 1])
    monkeypatch.setattr("studies.open_cells.finished_count", lambda path: next(counts))
    for _ in range(4):
        cells.take_all()
        assert cells.ended(jobs[0].cell, Ended("lost", "killed")) is None
    cells.take_all()
    assert cells.ended(jobs[0].cell, Ended("lost", "killed")).content == "killed, 3 times in a row"
    assert failure(jobs[0].run, jobs[0].cell) == "killed, 3 times in a row"
