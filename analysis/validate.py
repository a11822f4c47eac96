"""The proof of the inference: coverage, type I and family-wise error in simulations where the truth is known.

python -m analysis.validate
python -m analysis.validate --scenarios familywise,label_gain --simulations 10000
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.simulation.coverage import Result, Scenario
    from analysis.simulation.form import Row

#: The scenarios in the order that they are run in: the methods side by side, and one module of the simulations each.
METHODS = "coverage"
ABOUT = {
    METHODS: "every method side by side, by seeds, clustering and AUROC",
    "familywise": "false claims among 3, 6 and 18 equal pairs",
    "equivalence": "false equivalence of as many pairs on the margin",
    "sequential": "false claims and power with looks at 3, 5 and 10 seeds",
    "learner": "linear discriminants on subsamples of a finite pool",
    "overlap": "training samples that overlap, where their part can hardly be told from noise",
    "few_positives": "20 positive patients, up to 30 images each, 40% of labels missing",
    "label_gain": "label-equivalent gains of known learning curves",
    "learner_gain": "label-equivalent gains of a real learner, with overlap",
    "collapse": "one training run in ten at chance",
    "models": "claims on models that were trained once, and the ranks left open",
}
NAMES = tuple(ABOUT)
FEWEST = 50  # simulated studies: rates of fewer say nothing
SEEDS, IMAGES_PER_PATIENT, AUROCS = (3, 5, 10), (1, 3), (0.75, 0.90, 0.97)
COVERAGE, TYPE_ONE = (0.94, 0.96), (0.040, 0.060)  # of the calibrated joint method, at 5 and more seeds
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
    from analysis.simulation.coverage import CALIBRATED, NEGATIVE_CONTROLS

    def slack(rate: float) -> float:
        return 0.0 if simulations >= FULL else 3 * math.sqrt(rate * (1 - rate) / simulations)

    seeds = result.scenario.seeds
    low, high = COVERAGE if seeds >= 5 else COVERAGE_AT_THREE
    failed = []
    covered, rejected = result.covered[CALIBRATED], result.type_one[CALIBRATED]
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
    from analysis.simulation.coverage import CALIBRATED, ONE_ARM

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
            f"{r.width[CALIBRATED]:.4f}",
        ]
        for r in results
    ]
    return "\n".join(
        [
            "Coverage of 95% intervals, where the arms differ by what the design detects with 80% power:\n",
            markdown(header, covered),
            "Type I error at 5%, where the arms are equal:\n",
            markdown(["scenario", "calibrated, by theory for normal estimates", *chosen], errors),
            "Power of the calibrated joint method at the minimum detectable difference:\n",
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
        description="Coverage, type I error, family-wise error and power in simulated studies whose truth is known; "
        "the usual shortcuts are negative controls that must fail, and what is known to fail is shown as such.",
        epilog="Scenarios: " + "; ".join(f"{name}: {about}" for name, about in ABOUT.items()) + ".",
    )
    parser.add_argument(
        "--scenarios", type=_scenarios, default=NAMES, metavar="A,B", help="only these (default: all), see below"
    )
    parser.add_argument(
        "--simulations",
        type=int,
        metavar="N",
        help="studies a case (default: what each scenario's gates are meant for)",
    )
    parser.add_argument(
        "--bootstrapped",
        type=int,
        metavar="N",
        help=f"of those of '{METHODS}', with the two-level bootstrap (default: N/5)",
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="*", metavar="S", help="only cases with these numbers of seeds")
    parser.add_argument("--workers", type=int, metavar="N", help="processes at once (default: one a core)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the tables here (Markdown)")
    flags = parser.parse_args(argv)
    if flags.simulations is not None and flags.simulations < FEWEST:
        sys.stderr.write(f"error: --simulations must be at least {FEWEST}: rates of fewer studies say nothing.\n")
        return 2
    texts, failed = [], []
    with _processes(flags.workers or os.cpu_count() or 1) as pool:
        for name in flags.scenarios:
            section = _methods if name == METHODS else _scenario
            text, broken = section(name, flags, pool)
            texts.append(text)
            failed += broken
            sys.stdout.write(text + "\n")
    verdict = "Every gate is met.\n" if not failed else "Gates not met:\n\n" + "".join(f"- {f}\n" for f in failed)
    sys.stdout.write(verdict)
    if flags.out:
        flags.out.write_text("\n".join([*texts, verdict]), encoding="utf-8")
    return 1 if failed else 0


def _scenarios(text: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in chosen if name not in NAMES]
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown) or 'none given'}. Known: {', '.join(NAMES)}")
    return chosen


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    for name in BLAS:  # the processes inherit them; on matrices this small, threads only wait for each other
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def _methods(name: str, flags: argparse.Namespace, pool: Executor) -> tuple[str, list[str]]:
    """Every method side by side: its text, and its gates that do not hold."""
    from tqdm import tqdm

    from analysis.simulation import coverage

    simulations = flags.simulations or FULL
    bootstrapped = simulations // 5 if flags.bootstrapped is None else flags.bootstrapped
    chosen = [scenario for scenario in scenarios() if flags.seeds is None or scenario.seeds in flags.seeds]
    results = []
    began = time.perf_counter()
    with tqdm(total=2 * simulations * len(chosen), unit="study", disable=None) as bar:
        for scenario in chosen:
            bar.set_description(scenario.name)
            for result in coverage.run(scenario, simulations, flags.seed, bootstrapped, pool):
                if result is None:
                    bar.update()
                else:
                    results.append(result)
            _tell(scenario.name, began)
    broken = [f"{name}: {r.scenario.name}: {line}" for r in results for line in gates(r, simulations)]
    return f"## Every method side by side\n\n{simulations:,} simulated studies a case.\n\n{table(results)}", broken


def _scenario(name: str, flags: argparse.Namespace, pool: Executor) -> tuple[str, list[str]]:
    """One of the other scenarios: its text, and its gates that do not hold."""
    from tqdm import tqdm

    from analysis.simulation import form

    module = form.scenario(name)
    simulations = flags.simulations or module.SIMULATIONS
    chosen = [case for case in module.cases() if flags.seeds is None or case.seeds in flags.seeds]
    rows: list[Row] = []
    began = time.perf_counter()
    with tqdm(total=simulations * len(chosen), unit="study", disable=None) as bar:
        for case in chosen:
            bar.set_description(f"{name}: {case.name}")
            for step in form.run(name, case, simulations, flags.seed, pool):
                if isinstance(step, int):
                    bar.update(step)
                else:
                    rows.append(step)
            _tell(f"{name}: {case.name}", began)
    return form.table(module, rows, simulations), [f"{name}: {line}" for row in rows for line in row.failed]


def _tell(name: str, began: float) -> None:
    if not sys.stderr.isatty():
        sys.stderr.write(f"{name}: done after {time.perf_counter() - began:.0f} s\n")


if __name__ == "__main__":
    sys.exit(main())
