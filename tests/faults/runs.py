"""Several `benchmark.run` on one folder, of which some are killed and begun again: one set of tables at the end.

The folder is held against that of one undisturbed run: every table of every cell byte for byte, exact budgets, and in
MLflow every trial once. `tests.faults.campaign` is the command.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.results import CURVES, DONE, PREDICTIONS, TRIALS, VALIDATION, read_json
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
    settings = ["--preset", "mine.toml", "--datasets", "folder:mine", "--device", "cpu", "--out", run]
    workers = [] if "--workers" in flags else ["--workers", "1"]
    return command(place, "benchmark.run", *settings, *workers, *flags)


def command(place: Path, module: str, *flags: str) -> subprocess.Popen[str]:
    """Any command, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *flags],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def together(
    place: Path,
    runs: int,
    plan: Sequence[str],
    rng: np.random.Generator,
    pause: float = 6.0,
    run: str = "together",
    shards: bool = False,
) -> Counter[str]:
    """Runs on one folder, of which one after another is killed by SIGKILL and begun again; the kills that hit, by kind.

    Args:
        place: prepared.
        runs: at a time.
        plan: whom to kill, one after another: "driver" or "shard", or "worker", one of a driver's processes.
        rng: decides which of them is hit, and when.
        pause: mean seconds between two kills.
        run: name of the folder.
        shards: whether each run is one shard of the cells.
    """
    part = [("--shard", f"{number}/{runs}") if shards else () for number in range(1, runs + 1)]
    drivers = [begin(place, run, *flags) for flags in part]
    made: Counter[str] = Counter()
    try:
        for kind in plan:
            time.sleep(float(rng.exponential(pause)))
            alive = [number for number, driver in enumerate(drivers) if driver.poll() is None]
            if not alive:
                break
            victim = int(rng.choice(alive))
            if kind == "worker":
                children = _children(drivers[victim].pid)
                if not children:
                    continue
                os.kill(int(rng.choice(children)), signal.SIGKILL)  # or the server that workers come from
            else:
                drivers[victim].kill()
                drivers[victim].communicate()
                drivers[victim] = begin(place, run, *part[victim])
            made[kind] += 1
        for driver in drivers:
            driver.communicate()
    finally:
        for driver in drivers:
            driver.kill()
    return made


def mended(place: Path, run: str) -> None:
    """The same command once more: it runs what a cell's three deaths in a row left, and the report after shards."""
    driver = begin(place, run)
    text = driver.communicate()[0]
    assert driver.returncode == 0, text


def verify(place: Path, budget: int, run: str = "together") -> None:
    """Hold a run's folder against undisturbed work on all or some of its cells, and MLflow against the folder."""
    alone = _tables(place / "alone")
    assert alone and alone.items() <= _tables(place / run).items()
    folders = [path.parent for path in (place / run).rglob(DONE)]
    assert all(
        len(pd.read_parquet(folder / TRIALS)) == budget == read_json(folder / DONE)["budget"] for folder in folders
    )
    assert not list((place / run).rglob("*.tmp"))
    with sqlite3.connect(place / "mlruns" / "mlflow.db") as database:
        keys = [row[0] for row in database.execute("select value from tags where key = 'benchmark.key'")]
    keys = [key for key in keys if key.startswith(f"{run}/")]
    arms = {(folder.parts[-4], folder.parts[-3], folder.name) for folder in folders}
    assert len(keys) == len(set(keys)) == len(folders) * (budget + 1) + len(arms), (
        "an arm on every data set and n, its studies and their trials, each once"
    )


def _tables(run: Path) -> dict[str, str]:
    names = (TRIALS, CURVES, VALIDATION, PREDICTIONS)
    paths = [path for name in names for path in run.glob(f"cells/**/{name}")]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _children(pid: int) -> list[int]:
    """Processes below a process."""
    below: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            below += [child, *_children(child)]
    return below
