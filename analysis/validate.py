"""The proof of the inference: coverage, type I error and power in simulations where the truth is known.

python -m analysis.validate --simulations 2000
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.simulation.coverage import Result, Scenario

SEEDS, IMAGES_PER_PATIENT, AUROCS = (3, 5, 10), (1, 3), (0.75, 0.90, 0.97)
COVERAGE, TYPE_ONE = (0.94, 0.96), (0.040, 0.060)  # of the joint method, at 5 and more seeds
COVERAGE_AT_THREE = (0.91, 0.96)
POWER = 0.02  # largest distance between power and the .80 of the minimum detectable difference
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FULL = 2000  # fewer simulations widen the gates by 3 standard errors


def scenarios() -> list[Scenario]:
    """The simulation study: seeds x independent or clustered images x AUROC."""
    from analysis.simulation.coverage import Scenario

    return [Scenario(s, m, a) for s in SEEDS for m in IMAGES_PER_PATIENT for a in AUROCS]


def gates(result: Result, simulations: int) -> list[str]:
    """What a scenario violates, a phrase a gate; none is a pass."""
    from analysis.simulation.coverage import JOINT, NEGATIVE_CONTROLS

    def slack(rate: float) -> float:
        return 0.0 if simulations >= FULL else 3 * math.sqrt(rate * (1 - rate) / simulations)

    seeds = result.scenario.seeds
    low, high = COVERAGE if seeds >= 5 else COVERAGE_AT_THREE
    failed = []
    covered, rejected = result.covered[JOINT], result.type_one[JOINT]
    if not low - slack(low) <= covered <= high + slack(high):
        failed.append(f"coverage {covered:.4f} outside [{low}, {high}]")
    if seeds >= 5 and not TYPE_ONE[0] - slack(TYPE_ONE[0]) <= rejected <= TYPE_ONE[1] + slack(TYPE_ONE[1]):
        failed.append(f"type I {rejected:.4f} outside [{TYPE_ONE[0]}, {TYPE_ONE[1]}]")
    if seeds >= 5 and abs(result.power - result.promised) > POWER + slack(0.8):
        failed.append(f"power {result.power:.3f}, promised {result.promised:.3f}")
    failed += [f"{name} did not fail" for name in NEGATIVE_CONTROLS if result.type_one[name] < 0.10]
    return failed


def table(results: Sequence[Result]) -> str:
    """Three Markdown tables: coverage and type I error of every method, and power of the joint one."""
    from analysis.page.formats import markdown
    from analysis.simulation.coverage import JOINT, ONE_ARM

    methods = list(dict.fromkeys(name for result in results for name in result.covered))
    chosen = [method for method in methods if method != ONE_ARM]
    header = ["scenario", *methods]
    covered = [[r.scenario.name, *(_rate(r.covered.get(m)) for m in methods)] for r in results]
    errors = [[r.scenario.name, _rate(r.normal_type_one), *(_rate(r.type_one.get(m)) for m in chosen)] for r in results]
    power = [
        [
            r.scenario.name,
            f"{r.difference:.4f}",
            f"{r.power:.3f}",
            f"{r.promised:.3f}",
            f"{r.normal_power:.3f}",
            f"{r.width[JOINT]:.4f}",
        ]
        for r in results
    ]
    return "\n".join(
        [
            "Coverage of 95% intervals, where the arms differ by what the design detects with 80% power:\n",
            markdown(header, covered),
            "Type I error at 5%, where the arms are equal:\n",
            markdown(["scenario", "joint, by theory for normal estimates", *chosen], errors),
            "Power of the joint method at the minimum detectable difference:\n",
            markdown(
                ["scenario", "true difference", "power", "promised", "by theory for normal estimates", "mean width"],
                power,
            ),
        ]
    )


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".lstrip("0")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns 1 where a gate fails."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.validate",
        description="Coverage, type I error and power of every method in simulated studies; the usual "
        "shortcuts are negative controls that must fail.",
    )
    parser.add_argument("--simulations", type=int, default=FULL, metavar="N", help="studies a scenario (default: 2000)")
    parser.add_argument(
        "--bootstrapped", type=int, metavar="N", help="of them with the two-level bootstrap (default: N/5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=list(SEEDS), metavar="S", help="only these numbers of seeds"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes at once (default: one a core)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the tables here (Markdown)")
    flags = parser.parse_args(argv)
    if flags.simulations < 50:
        sys.stderr.write("error: --simulations must be at least 50: rates of fewer studies say nothing.\n")
        return 2
    bootstrapped = flags.simulations // 5 if flags.bootstrapped is None else flags.bootstrapped
    chosen = [scenario for scenario in scenarios() if scenario.seeds in flags.seeds]
    workers = flags.workers or os.cpu_count() or 1
    results = _all(chosen, flags.simulations, flags.seed, bootstrapped, workers)
    text = table(results)
    failed = [f"{r.scenario.name}: {line}" for r in results for line in gates(r, flags.simulations)]
    text += "\nEvery gate is met.\n" if not failed else "\nGates not met:\n\n" + "".join(f"- {f}\n" for f in failed)
    sys.stdout.write(text)
    if flags.out:
        flags.out.write_text(text, encoding="utf-8")
    return 1 if failed else 0


def _all(chosen: Sequence[Scenario], simulations: int, seed: int, bootstrapped: int, workers: int) -> list[Result]:
    from tqdm import tqdm

    for name in BLAS:  # the processes inherit them; on matrices this small, threads only wait for each other
        os.environ.setdefault(name, "1")
    from analysis.simulation import coverage

    results = []
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(workers, mp_context=context) as pool,
        tqdm(total=2 * simulations * len(chosen), unit="study", disable=None) as bar,
    ):
        for scenario in chosen:
            bar.set_description(scenario.name)
            for result in coverage.run(scenario, simulations, seed, bootstrapped, pool):
                if result is None:
                    bar.update()
                else:
                    results.append(result)
            if not sys.stderr.isatty():
                sys.stderr.write(f"{scenario.name}: done after {time.perf_counter() - began:.0f} s\n")
    return results


if __name__ == "__main__":
    sys.exit(main())
