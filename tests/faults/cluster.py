"""A simulated cluster: cells of milliseconds under real leases, in real files, on nodes that die or fall asleep.

    python -m tests.faults.cluster --cells 10000 --workers 100 --kills 200 --sleeps 20

Every second node is another machine's to the others, so that its death shows by its silence alone. Each begins with a
share of the cells of its own, and goes on with what is free. The end must be exact: every trial once in its journal,
every table as if one process had run undisturbed, and every node of the same opinion.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from benchmark import leases
from benchmark.results import DONE, STUDY, TRIALS, clear_temporary, write_json
from benchmark.seeds import rng_for
from benchmark.spec import BenchmarkSpec, Cell
from studies import attempt, open_cells
from studies.costs import Costs
from studies.journal import CREATE_STUDY, SET_STATE, JournalFile
from studies.open_cells import OpenCells
from studies.trainer import CellJob

ARMS = ("scratch", "scratch-same", "imagenet", "medical")
BUDGET = 4
TRIAL_SECONDS = 0.002
HEARTBEAT, DEAD_AFTER, LOOK_EVERY = 0.2, 2.0, 0.1  # seconds


def value(cell: Cell, trial: int) -> float:
    """What a trial gives, wherever it runs."""
    return int(hashlib.sha256(f"{cell.key} {trial}".encode()).hexdigest()[:8], 16) / 2**32


def fake_cell(job, told, check):
    """In place of `studies.cell.run_cell`: the same files, checks and order of writing, without any training."""
    folder = job.cell.folder(job.run)
    folder.mkdir(parents=True, exist_ok=True)
    journal = JournalFile(folder / STUDY, check)
    if not journal.read_logs(0):
        journal.append_logs([{"op_code": CREATE_STUDY}])
    trials = [log["value"] for log in journal.read_logs(1)]
    for number in range(len(trials), BUDGET):
        time.sleep(TRIAL_SECONDS)
        trials.append(value(job.cell, number))
        check()
        journal.append_logs([{"op_code": SET_STATE, "state": 1, "trial": number, "value": trials[-1]}])
    journal.close()
    check()
    write_json(folder / TRIALS, trials)
    metrics = {"best": max(trials)}
    write_json(folder / DONE, {"budget": BUDGET, "metrics": metrics})
    return metrics


def node(run: Path, spec: BenchmarkSpec, place: int, places: int, machine: str) -> None:
    """A driver with one worker: it exits with 0 once it sees every cell done, and with 1 where one has failed."""
    leases.HEARTBEAT, open_cells.LOOK_EVERY = HEARTBEAT, LOOK_EVERY
    attempt.run_cell = fake_cell
    if machine:
        leases._place = lambda: machine
    no_data = SimpleNamespace(external=())
    jobs = [CellJob(cell, no_data, None, spec, run, "cpu") for cell in spec.cells()]
    cells = OpenCells([*jobs[place::places], *(job for i, job in enumerate(jobs) if i % places != place)], _Free())
    cells._watch = leases.Watch(DEAD_AFTER)
    while cells.waiting or cells.elsewhere:
        for job, dead in cells.take_all():
            cells.ended(job.cell, attempt.attempt(job, dead=dead))
        time.sleep(LOOK_EVERY / 2)
        cells.look()
    os._exit(1 if cells.still_failed() else 0)


class _Free(Costs):
    """Costs that nobody counts."""

    def __init__(self) -> None:
        super().__init__({})


def simulate(run: Path, cells: int, workers: int, kills: int, sleeps: int, seed: int = 0, pause: float = 0.2) -> int:
    """Run the cells on nodes of which some are killed, and replaced, and some fall asleep and wake up late.

    Args:
        run: a new folder.
        cells: their number, a multiple of four.
        workers: nodes at a time.
        kills, sleeps: how often.
        seed: of who is hit, and when.
        pause: mean seconds between two hits.

    Returns:
        The number of hits that were made before all was done.
    """
    spec = BenchmarkSpec(datasets=("sim",), arms=ARMS, seeds=-(-cells // len(ARMS)), budget=BUDGET)
    rng = rng_for(seed, "faults")
    fork = multiprocessing.get_context("fork")
    counter = iter(range(10**9))

    def start(place: int):
        machine = f"machine {place}" if place % 2 else ""
        process = fork.Process(target=node, args=(run, spec, place, workers, machine), name=str(next(counter)))
        process.start()
        return process

    nodes = [start(place) for place in range(workers)]
    hits = 0
    asleep: dict[int, float] = {}  # process -> until when
    plan = rng.permutation(["kill"] * kills + ["sleep"] * sleeps)
    try:
        while any(process.is_alive() for process in nodes):
            time.sleep(float(rng.exponential(pause)))
            now = time.monotonic()
            for pid in [pid for pid, until in asleep.items() if until <= now]:
                os.kill(pid, signal.SIGCONT)
                del asleep[pid]
            awake = [i for i, process in enumerate(nodes) if process.is_alive() and process.pid not in asleep]
            if hits == len(plan) or not awake:
                continue
            place = int(rng.choice(awake))
            if plan[hits] == "kill":
                nodes[place].kill()
                nodes[place].join()
                nodes[place] = start(place)
            else:
                os.kill(nodes[place].pid, signal.SIGSTOP)
                asleep[nodes[place].pid] = now + 2 * DEAD_AFTER
            hits += 1
    finally:
        for process in nodes:
            process.kill()
            process.join()
    assert [process.exitcode for process in nodes] == [0] * workers, "every node saw every cell done"
    verify(run, spec)
    return hits


def verify(run: Path, spec: BenchmarkSpec) -> None:
    """Hold a run's folder against what one undisturbed process leaves."""
    clear_temporary(run)
    for cell in spec.cells():
        folder = cell.folder(run)
        expected = [value(cell, number) for number in range(BUDGET)]
        first, *lines = (json.loads(line) for line in (folder / STUDY).read_text().splitlines())
        assert first == {"op_code": CREATE_STUDY}
        assert [line["trial"] for line in lines] == list(range(BUDGET)), f"{cell.key}: every trial once"
        assert [line["value"] for line in lines] == expected
        assert json.loads((folder / TRIALS).read_text()) == expected
        assert json.loads((folder / DONE).read_text())["metrics"] == {"best": max(expected)}
        assert sorted(path.name for path in folder.iterdir()) == sorted([STUDY, TRIALS, DONE])
        current = leases.holder(open_cells.lease_folder(run, cell))
        assert current is not None and len(list(open_cells.lease_folder(run, cell).iterdir())) <= 2


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.cluster", description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--sleeps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where; to try a mount (default: a temporary folder)")
    flags = parser.parse_args(argv)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=flags.folder) as folder:
        hits = simulate(Path(folder), flags.cells, flags.workers, flags.kills, flags.sleeps, flags.seed)
    sys.stdout.write(
        f"{flags.cells:,} cells on {flags.workers} workers, {hits} of them killed or put to sleep: exact, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
