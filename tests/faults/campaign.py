"""A campaign of kills on every kind of process that a comparison has, each followed by the same exactness check.

    python -m tests.faults.campaign --kills 100

Drivers, their workers, shards and (where Ray is installed) nodes of a Ray cluster are killed while they work on run
folders, in rounds of a fresh folder each; pretraining, decoding into a cold cache and the report are killed at random
points of their own time. What is left must be what undisturbed work leaves: the tables, the checkpoint, the decoded
images and the report's tables byte for byte, exact budgets, every trial once in MLflow. It prints how many kills of
which kind hit, and every difference; exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmark.leases import holder
from benchmark.results import LEASES
from benchmark.seeds import rng_for
from tests.conftest import write_images
from tests.faults.runs import begin, command, mended, prepare, together, verify

#: kind -> its part of the kills. What cannot be had here leaves its part to the workers.
PARTS = {
    "driver": 20,
    "worker": 20,
    "shard": 15,
    "pretraining": 15,
    "decoding": 10,
    "report": 10,
    "ray node": 10,
}
IMAGES, SIDE = 300, 96  # of every class: so many that processes decode them
LONGEST = 900  # seconds of one command
PAUSE = 6.0  # mean seconds between two kills of a round

Begin = Callable[[], "subprocess.Popen[str]"]
Reached = Callable[["subprocess.Popen[str]"], bool]


class Campaign:
    """The kills that hit, by kind, and the differences that they made."""

    def __init__(self, place: Path, seed: int, seeds: int, budget: int) -> None:
        """Work in this folder; `seeds` and `budget` are those of the runs."""
        self.place, self.budget = place, budget
        self.rng = rng_for(seed, "campaign")
        self.hits: Counter[str] = Counter()
        self.differences: list[str] = []
        self.rounds = 0
        prepare(place, seeds, budget)
        names = [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(IMAGES)]
        write_images(place / "source", names, size=SIDE, seed=1)

    def check(self, what: str, verified: Callable[[], object]) -> None:
        """Note what does not hold."""
        try:
            verified()
        except AssertionError as error:
            self.differences.append(f"{what}: {str(error).strip().splitlines()[0] if str(error) else 'differs'}")

    def rounds_of(self, kinds: Sequence[str], wanted: Counter[str]) -> None:
        """Rounds on fresh folders, until every kind has had its kills."""
        while left := [kind for kind in kinds if self.hits[kind] < wanted[kind]]:
            self.rounds += 1
            run = f"round{self.rounds}"
            plan = [kind for kind in left for _ in range(min(8, wanted[kind] - self.hits[kind]))]
            made = _round(self.place, run, [str(kind) for kind in self.rng.permutation(plan)], self.rng)
            self.hits += made
            say(f"{run}: {_listed(made)}")
            self.check(run, lambda run=run: (mended(self.place, run), verify(self.place, self.budget, run)))

    def interrupted(self, kind: str, wanted: int, begin: Begin, reached: Reached, fresh: Callable[[], object]) -> None:
        """Kill a command at random points of a stage of it, begun anew each time, and let it end at last.

        Args:
            kind: of the kills.
            wanted: their number.
            begin: starts the command.
            reached: whether the process is in the stage.
            fresh: makes the stage necessary again, where a kill came too late.
        """
        fresh()
        length = _length(begin, reached)
        fresh()
        for _ in range(5 * wanted):
            if self.hits[kind] >= wanted:
                break
            process = begin()
            if _wait(process, reached):
                time.sleep(float(self.rng.uniform(0, 0.9 * length)))
                if reached(process) and process.poll() is None:
                    process.kill()
                    self.hits[kind] += 1
            process.communicate(timeout=LONGEST)
            if process.returncode == 0:  # too late
                fresh()
        process = begin()
        text = process.communicate(timeout=LONGEST)[0]
        if process.returncode:
            self.differences.append(f"{kind}: at last it ended with {process.returncode}: {text[-300:]}")
        say(f"{kind}: {self.hits[kind]} kills, of a stage of {length:.1f} s")

    def pretraining(self, wanted: int) -> None:
        """`benchmark.pretrain`, against an undisturbed checkpoint."""
        folders = {name: self.place / name for name in ("calm", "hit")}

        def started(name: str) -> subprocess.Popen[str]:
            return command(
                self.place, "benchmark.pretrain", "--sources", "folder:source", "--start", "scratch", "--backbone",
                "resnet10t", "--image-size", "16", "--epochs", "8", "--batch-size", "32", "--device", "cpu",
                "--out", f"{name}/weights",
            )  # fmt: skip

        assert started("calm").wait(LONGEST) == 0
        hit = folders["hit"] / "weights"
        self.interrupted(
            "pretraining",
            wanted,
            lambda: started("hit"),
            lambda process: _trains(hit, process),
            lambda: shutil.rmtree(hit, ignore_errors=True),
        )
        sums = [
            [_sum(path) for path in sorted((folder / "weights").glob("*.safetensors"))] for folder in folders.values()
        ]
        self.check("pretraining", lambda: _equal(*sums))

    def decoding(self, wanted: int) -> None:
        """`benchmark.data check` with a cold cache, against the cache of undisturbed work."""

        def started(cache: str) -> subprocess.Popen[str]:
            return command(
                self.place, "benchmark.data", "check", "folder:source", "--image-size", "64", "--cache", cache
            )

        assert started("calm-cache").wait(LONGEST) in (0, 1)
        cache = self.place / "hit-cache"
        self.interrupted(
            "decoding",
            wanted,
            lambda: started("hit-cache"),
            lambda process: bool(list(cache.glob(f".*.npy.*.{process.pid}.tmp"))),
            lambda: shutil.rmtree(cache, ignore_errors=True),
        )
        sums = [
            {path.name: _sum(path) for path in (self.place / name).glob("*.npy")}
            for name in ("calm-cache", "hit-cache")
        ]
        self.check("decoding", lambda: _equal(*sums))

    def report(self, wanted: int) -> None:
        """A finished run's report, against one that is made of the same folder undisturbed."""
        run = self.place / "calm-run"
        assert begin(self.place, run.name).wait(LONGEST) == 0
        report = run / "report"
        again = command(self.place, "analysis.report", run.name, "--out", "calm-report")
        assert again.wait(LONGEST) == 0
        self.interrupted(
            "report",
            wanted,
            lambda: begin(self.place, run.name),
            lambda process: _holds(run / LEASES / "report", process),
            lambda: shutil.rmtree(report, ignore_errors=True),
        )
        sums = [
            {path.name: _sum(path) for path in (folder / "tables").glob("*.csv")}
            for folder in (report, self.place / "calm-report")
        ]
        self.check("report", lambda: _equal(*sums))


def _round(place: Path, run: str, plan: Sequence[str], rng: np.random.Generator) -> Counter[str]:
    """One folder, on which processes of the kinds of the plan are killed until it is done; the kills that hit."""
    if "shard" in plan:
        return together(place, 2, plan, rng, PAUSE, run, shards=True)
    if "ray node" in plan:
        return _with_ray(place, run, plan, rng)
    return together(place, 2, plan, rng, PAUSE, run)


def _with_ray(place: Path, run: str, plan: Sequence[str], rng: np.random.Generator) -> Counter[str]:
    """A Ray cluster of two nodes beside its head, of which one after another is lost and replaced."""
    from ray.cluster_utils import Cluster

    made: Counter[str] = Counter()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    try:
        driver = begin(place, run, "--engine", "ray", "--address", cluster.address, "--workers", "2")
        for kind in plan:
            time.sleep(float(rng.exponential(2 * PAUSE)))
            if driver.poll() is not None or not (place / run / "cells").exists():
                continue
            victim = int(rng.integers(len(nodes)))
            cluster.remove_node(nodes[victim], allow_graceful=False)
            nodes[victim] = cluster.add_node(num_cpus=1)
            made[kind] += 1
        driver.communicate(timeout=LONGEST)
    finally:
        cluster.shutdown()
    return made


def _length(begin: Begin, reached: Reached) -> float:
    """Seconds that the stage takes undisturbed."""
    process = begin()
    if not _wait(process, reached):
        process.communicate()
        return 1.0
    began = time.monotonic()
    while reached(process) and process.poll() is None:
        time.sleep(0.01)
    seconds = time.monotonic() - began
    process.communicate(timeout=LONGEST)
    return seconds


def _wait(process: subprocess.Popen[str], reached: Reached) -> bool:
    """Wait until the stage begins, or the process ends; whether it began."""
    while not reached(process):
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True


def _trains(weights: Path, process: subprocess.Popen[str]) -> bool:
    """Whether the process has kept an epoch of its own, and made no checkpoint yet."""
    began = Path("/proc", str(process.pid)).stat().st_mtime if process.poll() is None else time.time()
    kept = [path.stat().st_mtime for path in weights.glob(".*.resume.pt")]
    return any(at > began for at in kept) and not list(weights.glob("*.safetensors"))


def _holds(lease: Path, process: subprocess.Popen[str]) -> bool:
    current = holder(lease)
    return current is not None and not current.released and current.pid == process.pid


def _equal(first: object, second: object) -> None:
    assert first and first == second, f"{first} is not {second}"


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"


def say(line: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="in all (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=4, help="of the runs (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=6, help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of who is hit, and when (default: %(default)s)")
    parser.add_argument("--only", help=f"kinds, separated by commas: {', '.join(PARTS)}")
    flags = parser.parse_args(argv)
    began = time.monotonic()
    parts = {kind: part for kind, part in PARTS.items() if flags.only is None or kind in flags.only.split(",")}
    if find_spec("ray") is None and parts.pop("ray node", 0):
        say("Ray is not installed: its part goes to the others")
    wanted = Counter(shares(flags.kills, parts))
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), flags.seed, flags.seeds, flags.budget)
        assert begin(Path(folder), "alone", "--shard", "1/1").wait(LONGEST) == 0
        for kind in ("decoding", "pretraining", "report"):
            if wanted[kind]:
                getattr(campaign, kind)(wanted[kind])
        for kinds in (("driver", "worker"), ("shard",), ("ray node",)):
            campaign.rounds_of([kind for kind in kinds if wanted[kind]], wanted)
    lines = [f"{kind:<12} {campaign.hits[kind]:>4} of {wanted[kind]}" for kind in wanted]
    lines += [f"together     {campaign.hits.total():>4} kills, {campaign.rounds} run folders, "
              f"{time.monotonic() - began:.0f} s, {len(campaign.differences)} differences"]  # fmt: skip
    sys.stdout.write("\n".join([*lines, *(f"DIFFERENT: {text}" for text in campaign.differences)]) + "\n")
    return 1 if campaign.differences else 0


def shares(kills: int, parts: dict[str, int]) -> dict[str, int]:
    """Kills by kind, in proportion to the parts, and together exactly as many (largest remainders)."""
    exact = {kind: kills * part / sum(parts.values()) for kind, part in parts.items()}
    whole = {kind: int(value) for kind, value in exact.items()}
    for kind in sorted(exact, key=lambda kind: whole[kind] - exact[kind])[: kills - sum(whole.values())]:
        whole[kind] += 1
    return whole


if __name__ == "__main__":
    sys.exit(main())
