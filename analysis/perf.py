"""How fast the heavy parts are, against the usual way, measured in one run.

python -m analysis.perf
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis.validate import BLAS

RESAMPLES = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.perf",
        description="Times the bootstrap against scipy.stats.bootstrap with scikit-learn's statistic, the "
        "clustered covariance, and (with --report) the whole report at full size.",
    )
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--report",
        nargs="?",
        type=_size,
        const=(3, 2, 10, 4),
        metavar="DxNxSxA",
        help="also time a report of D data sets, N n per class, S seeds and A arms (3x2x10x4 where no size is given)",
    )
    flags = parser.parse_args(argv)
    # One thread: what is compared is work, not cores. The report takes what the machine has.
    for name in BLAS:
        os.environ.setdefault(name, "1")
    sys.stdout.write(f"{flags.images} images, {RESAMPLES} resamples, one core\n")
    for line in _kernels(flags.images):
        sys.stdout.write(line + "\n")
    if flags.report:
        sys.stdout.write(_report(flags.images, *flags.report) + "\n")
    return 0


def _size(text: str) -> tuple[int, ...]:
    parts = text.split("x")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give four numbers, for example 3x2x10x4")
    return tuple(map(int, parts))


def _kernels(images: int) -> list[str]:
    import numpy as np

    from analysis.simulation.simulate import Truth, simulate
    from analysis.statistics import kernels
    from analysis.statistics.auc import covariance, placements
    from analysis.study import bootstrap
    from benchmark import metrics

    rng = np.random.default_rng(0)
    block = simulate(Truth(auroc=(0.80, 0.85), seeds=1, images=images), rng)
    root, auroc = np.random.SeedSequence(0), metrics.find("auroc")

    def paired() -> Any:
        drawn = bootstrap.replicate(block, (auroc,), RESAMPLES, root, workers=1).values[auroc.name]
        return drawn[:, 1, 0] - drawn[:, 0, 0]

    bootstrap.replicate(block, (auroc,), 64, root, workers=1)  # compiles, or loads what was compiled
    ours = _seconds(paired)
    path = "numba" if kernels.has_numba() else "numpy: pip install numba makes it faster"
    lines = [f"paired AUROC difference, bootstrap ({path}): {ours:.2f} s"]

    from scipy import stats
    from sklearn.metrics import roc_auc_score

    y, first, second = block.truth[:, 1], block.scores[0, 0, 0, :, 1], block.scores[1, 0, 0, :, 1]

    def difference(*drawn: Any) -> float:
        return float(roc_auc_score(drawn[0], drawn[2]) - roc_auc_score(drawn[0], drawn[1]))

    few = max(20, RESAMPLES // 200)
    usual = _seconds(
        lambda: stats.bootstrap(
            (y, first, second),
            difference,
            n_resamples=few,
            paired=True,
            vectorized=False,
            method="percentile",
            rng=rng,
        )
    )
    usual *= RESAMPLES / few
    lines.append(
        f"the same by scipy.stats.bootstrap with scikit-learn's statistic: {usual:.0f} s ({few} resamples "
        f"timed), {usual / ours:.0f} times slower"
    )
    wide = simulate(Truth(auroc=(0.80,) * 6, seeds=10, images=images, images_per_patient=2), rng)
    scores = wide.scores[..., 0, :, 1].reshape(60, -1)
    took = _seconds(lambda: covariance(placements(wide.truth[:, 1], scores, wide.groups)))
    lines.append(f"60 x 60 clustered DeLong covariance: {took:.3f} s")
    return lines


def _report(images: int, datasets: int, ns: int, seeds: int, arms: int) -> str:
    from dataclasses import replace
    from itertools import product

    import numpy as np

    from analysis.predictions.block import ARM_ORDER
    from analysis.report import write_report
    from analysis.simulation.simulate import Truth, simulate, write_block
    from benchmark.results import PREDICTIONS
    from benchmark.spec import Cell

    names = [*ARM_ORDER, *(f"arm {a}" for a in range(len(ARM_ORDER), arms))][:arms]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for d, i in np.ndindex(datasets, ns):
            auroc = tuple(0.75 + 0.03 * ((a + 1) % 5) + 0.02 * min(i, 3) for a in range(arms))
            n = 50 * 2**i
            block = simulate(Truth(auroc=auroc, seeds=seeds, images=images), np.random.default_rng([d, n]))
            block = replace(block, dataset=f"data {d}", n_per_class=n)
            for (a, arm), s in product(enumerate(names), range(seeds)):
                part = replace(block, arms=(arm,), seeds=(s,), scores=block.scores[a : a + 1, s : s + 1])
                write_block(Cell(block.dataset, n, s, arm).folder(folder) / PREDICTIONS, part)
        before = time.process_time()
        took = _seconds(lambda: write_report(folder, folder / "report"))
        spent = time.process_time() - before
        page = (folder / "report" / "index.html").stat().st_size / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"whole report, {datasets} data sets x {ns} n x {seeds} seeds x {arms} arms: {took:.1f} s ({spent:.1f} s of "
        f"CPU), peak memory {memory:.2f} GiB, page {page:.1f} MB"
    )


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
