"""Several `benchmark.run` on one folder, of which some are killed and begun again: one set of tables at the end.

    python -m tests.faults.runs --runs 4 --kills 20

The folder is held against that of one undisturbed run: every table of every cell byte for byte, exact budgets, and in
MLflow every trial once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.results import CURVES, DONE, PREDICTIONS, TRIALS, read_json
from benchmark.seeds import rng_for
from tests.conftest import write_images

ROOT = Path(__file__).parents[2]
PRESET = """
arms = ["scratch", "scratch-same"]
n_per_class = [8]
seeds = {seeds}
budget = {budget}
folds = 2
refits = 1
image_size = {image_size}
backbone = "resnet10t"
min_epochs = 1
max_epochs = 2
batch_size = 8
min_per_class = 4
"""


def prepare(place: Path, seeds: int, budget: int, image_size: int = 16) -> None:
    """A preset, and images of two classes."""
    write_images(place / "mine", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(60)])
    (place / "mine.toml").write_text(PRESET.format(seeds=seeds, budget=budget, image_size=image_size))


def begin(place: Path, run: str, *flags: str) -> subprocess.Popen[str]:
    """A run of the command, in a process group of its own."""
    command = [sys.executable, "-m", "benchmark.run", "--preset", "mine.toml", "--datasets", "folder:mine"]
    return subprocess.Popen(
        [*command, "--workers", "1", "--device", "cpu", "--out", run, *flags],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def together(place: Path, runs: int, kills: int, seed: int = 0, pause: float = 6.0) -> list[str]:
    """Runs on one folder, of which one after another is killed by SIGKILL and begun again; what each said at its end.

    Args:
        place: prepared.
        runs: at a time.
        kills: of drivers, or of one of their processes.
        seed: of who is hit, and when.
        pause: mean seconds between two kills.
    """
    rng = rng_for(seed, "kills")
    drivers = [begin(place, "together") for _ in range(runs)]
    try:
        for _ in range(kills):
            time.sleep(float(rng.exponential(pause)))
            victim = int(rng.integers(runs))
            if drivers[victim].poll() is not None:
                continue
            children = _children(drivers[victim].pid)
            if children and rng.random() < 0.5:
                os.kill(int(rng.choice(children)), signal.SIGKILL)  # a worker, or the server that workers come from
            else:
                drivers[victim].kill()
                drivers[victim].communicate()
                drivers[victim] = begin(place, "together")
        said = [driver.communicate()[0] for driver in drivers]
    finally:
        for driver in drivers:
            driver.kill()
    assert [driver.returncode for driver in drivers] == [0] * runs, "\n".join(said)
    return said


def verify(place: Path, budget: int) -> None:
    """Hold the folder against what undisturbed work on all or some of its cells left, and MLflow against the folder."""
    alone = _tables(place / "alone")
    assert alone and alone.items() <= _tables(place / "together").items()
    folders = [path.parent for path in (place / "together").rglob(DONE)]
    assert all(
        len(pd.read_parquet(folder / TRIALS)) == budget == read_json(folder / DONE)["budget"] for folder in folders
    )
    assert not list((place / "together").rglob("*.tmp"))
    with sqlite3.connect(place / "mlruns" / "mlflow.db") as database:
        keys = [row[0] for row in database.execute("select value from tags where key = 'benchmark.key'")]
    assert len(keys) == len(set(keys)) == len(folders) * (budget + 2), (
        "a study, its trials and its final run, each once"
    )


def _tables(run: Path) -> dict[str, str]:
    names = (TRIALS, CURVES, PREDICTIONS)
    paths = [path for name in names for path in run.glob(f"cells/**/{name}")]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _children(pid: int) -> list[int]:
    """Processes below a process."""
    below: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            below += [child, *_children(child)]
    return below


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.runs", description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--budget", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), flags.seeds, flags.budget)
        assert begin(Path(folder), "alone", "--shard", "1/1").wait() == 0
        together(Path(folder), flags.runs, flags.kills, flags.seed)
        verify(Path(folder), flags.budget)
    sys.stdout.write(f"{flags.runs} runs on one folder, {flags.kills} kills: the same tables, nothing twice\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
