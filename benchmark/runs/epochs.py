"""From how many epochs on does an arm's curve flatten? Measured on images that no study uses, to settle the range.

Every arm is fitted to the whole subsample with its default parameters and one number of epochs after another, and
predicts images of the pool that are not in the subsample, nor of its patients. The holdout is never read. The studies
tune the learning rate: several multiples of the default may be tried at each number, of which the best counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from benchmark.command_line import add_data_root, comma_floats, comma_integers, comma_list, device_name
from benchmark.errors import InputError
from benchmark.images.contract import Images
from benchmark.images.training_block import TrainingBlock
from benchmark.runs.planning import Plan, decode, make_plan
from benchmark.runs.request import Request, places_of
from benchmark.seeds import rng_for
from benchmark.spec import BenchmarkSpec, Cell, preset_path, read_preset

if TYPE_CHECKING:
    from studies.trainer import Trainer

SETTINGS = ("datasets", "arms", "n_per_class", "seeds", "image_size", "backbone")
MOST_PREDICTED = 2000  # unused images
FLAT = 0.005  # gain of a doubling of the epochs up to which a curve counts as flat
ERRORS = 2.0  # standard errors that a gain must lie above it to count as more
MOST_GAIN = 0.01  # mean gain that counts as more, however large its error: few seeds are no proof of flatness


@dataclass(frozen=True, slots=True)
class Point:
    """An arm at one number of epochs.

    Attributes:
        dataset, n_per_class, arm, epochs: which.
        learning_rate: the default, or the best of its multiples.
        values: (S,) AUROC on unused images, one a seed.
        seconds: mean of a fit, in one process.
    """

    dataset: str
    n_per_class: int
    arm: str
    epochs: int
    learning_rate: float
    values: tuple[float, ...]
    seconds: float


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m benchmark.perf --epochs`."""
    group = parser.add_argument_group("AUROC by epochs, instead of speed: settles a preset's range of epochs")
    group.add_argument("--epochs", type=comma_integers, metavar="E,E", help="numbers of epochs to fit for")
    group.add_argument(
        "--rates",
        type=comma_floats,
        default=(1.0,),
        metavar="X,X",
        help="multiples of the default learning rate to try at each, for example 1,3 (default: 1)",
    )
    group.add_argument("--preset", default="builtin", metavar="NAME", help="default: %(default)s")
    group.add_argument("--datasets", type=comma_list, metavar="A,B", help="default: the preset's")
    group.add_argument("--arms", type=comma_list, metavar="A,B", help="default: the preset's")
    group.add_argument("--n-per-class", type=comma_integers, metavar="N,N", help="default: the preset's")
    group.add_argument("--seeds", type=int, metavar="S", help="default: the preset's")
    group.add_argument("--image-size", type=int, metavar="PX", help="default: the preset's")
    group.add_argument("--backbone", metavar="NAME", help="default: the preset's")
    group.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_data_root(group)


def print_table(flags: argparse.Namespace) -> int:
    """What the command with `--epochs` does: measure, and print the table; returns the exit code."""
    points = measure(_request(flags), flags.epochs, flags.rates, _report)
    sys.stdout.write(table(points))
    return 0


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _request(flags: argparse.Namespace) -> Request:
    from benchmark import arms, datasets, methods

    settings = read_preset(preset_path(flags.preset))
    settings |= {name: getattr(flags, name) for name in SETTINGS if getattr(flags, name) is not None}
    settings.pop("external", None)  # nothing is predicted elsewhere
    if "datasets" not in settings:
        raise InputError(f"the preset '{flags.preset}' names no data set: give --datasets.")
    places = places_of(settings["datasets"])
    settings["datasets"] = tuple(map(datasets.shown, settings["datasets"]))
    spec = arms.with_definitions(BenchmarkSpec(**settings))
    timeless = [name for name in spec.arms if not methods.is_trained(arms.method_of(arms.find(name, spec.definitions)))]
    if timeless:
        raise InputError(f"{', '.join(timeless)}: fitted at once, without epochs. Leave them out of --arms.")
    return Request(
        spec=spec,
        out=Path("mlruns"),
        root=Path("mlruns"),
        data_root=datasets.data_root(flags.data_root),
        weights={},
        devices=(device_name(flags.device),),
        skip_bad_images=False,
        allowed_leaks=(),
        places=places,
    )


def measure(
    request: Request, epochs: Sequence[int], rates: Sequence[float], report: Callable[[str], None]
) -> list[Point]:
    """Fit every arm of every block at every number of epochs; in this process.

    Args:
        request: what a run would be; its budget and folds play no part.
        epochs: rising numbers of epochs.
        rates: multiples of the default learning rate.
        report: takes a line on what is done.

    Raises:
        InputError: as `make_plan`; or a pool without unused images.
    """
    from benchmark.training.engine import configure
    from studies.workers import THREADS

    if list(epochs) != sorted(set(epochs)) or epochs[0] < 1:
        raise InputError(f"the epochs {', '.join(map(str, epochs))} must be at least 1, each more than the one before.")
    plan = make_plan(request, report)
    configure(THREADS, request.device)
    points = []
    for dataset in request.spec.datasets:
        images, _ = decode(request, dataset, lambda line: None)  # kept since the plan was made
        for n in request.spec.n_per_class:
            blocks = [_on_unused(plan.blocks[dataset, n, seed], images, request) for seed in range(request.spec.seeds)]
            for arm in request.spec.arms:
                trainers = _trainers(request, plan, blocks, arm)
                for count in epochs:
                    points.append(max((_point(trainers, count, rate) for rate in rates), key=_mean))
                    report(f"{dataset}, n = {n}, {arm}, {count} epochs: AUROC {_mean(points[-1]):.3f}")
    return points


def table(points: Sequence[Point]) -> str:
    """Markdown: AUROC by epochs, what each doubling gains, seconds, and from where on the curve is flat."""
    lines = [
        "| data set, n | arm | epochs | learning rate | AUROC | SD | gain of a doubling | SE | seconds a fit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for curve in curves(points):
        for before, point in zip([None, *curve], curve, strict=False):
            gain, se = ("", "") if before is None else (f"{value:+.3f}" for value in doubling(before, point))
            cells = [f"{point.dataset}, {point.n_per_class}", f"`{point.arm}`", str(point.epochs)]
            cells += [
                f"{point.learning_rate:g}",
                f"{_mean(point):.3f}",
                f"{_sd(point.values):.3f}",
                gain,
                se.lstrip("+"),
            ]
            lines.append(f"| {' | '.join([*cells, f'{point.seconds:.2f}'])} |")
    lines.append("")
    for curve in curves(points):
        first = curve[0]
        flat = flat_from(curve)
        lines.append(
            f"- {first.dataset}, n = {first.n_per_class}, `{first.arm}`: "
            + (f"flat from {flat} epochs on" if flat else f"still rising at {curve[-1].epochs} epochs")
        )
    lines.append(
        f"\nFlat: from there on no doubling gains more than {FLAT:g} by more than {ERRORS:.0f} standard errors (paired "
        f"over {len(points[0].values)} seeds), or more than {MOST_GAIN:g} at all. Default parameters but for "
        "the learning rate shown, the whole subsample, unused images of the pool."
    )
    return "\n".join(lines) + "\n"


def curves(points: Sequence[Point]) -> list[list[Point]]:
    """The points of every (data set, n, arm), by rising epochs."""
    grouped: dict[tuple[str, int, str], list[Point]] = {}
    for point in points:
        grouped.setdefault((point.dataset, point.n_per_class, point.arm), []).append(point)
    return list(grouped.values())


def doubling(before: Point, after: Point) -> tuple[float, float]:
    """What twice the epochs gain between two points, and its standard error over seeds; NaN for one seed."""
    gains = np.subtract(after.values, before.values) / np.log2(after.epochs / before.epochs)
    return float(gains.mean()), _sd(gains) / len(gains) ** 0.5


def flat_from(curve: Sequence[Point]) -> int | None:
    """The number of epochs from which on no doubling gains more than `FLAT`; None where the last one does."""
    flat = None
    for before, after in reversed(list(pairwise(curve))):
        gain, se = doubling(before, after)
        if gain > MOST_GAIN or gain - ERRORS * (0.0 if np.isnan(se) else se) > FLAT:
            break
        flat = before.epochs
    return flat


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _on_unused(block: TrainingBlock, images: Images, request: Request) -> TrainingBlock:
    """The block with unused images of the pool, of other patients than the subsample's, in the holdout's place."""
    used = np.isin(images.groups, images.groups[block.subsample])
    rows = np.flatnonzero(images.pool & ~used)
    if not len(rows):
        raise InputError(
            f"{block.dataset}, n = {block.n_per_class}: the subsample takes every patient of the pool, and nothing is "
            "left to predict. Use a smaller --n-per-class."
        )
    rng = rng_for(request.spec.root_seed, "unused", dataset=block.dataset, n=block.n_per_class, seed=block.seed)
    rows = np.sort(rng.permutation(rows)[:MOST_PREDICTED])
    assert not images.holdout[rows].any()
    return replace(
        block,
        holdout=rows,
        holdout_labels=images.labels[rows],
        holdout_ids=images.sample_ids[rows],
        holdout_groups=images.groups[rows],
    )


def _trainers(request: Request, plan: Plan, blocks: Sequence[TrainingBlock], arm: str) -> list[Trainer]:
    from studies.trainer import CellJob, Trainer

    return [
        Trainer(
            CellJob(
                cell=Cell(block.dataset, block.n_per_class, block.seed, arm),
                block=block,
                weights=plan.weights[block.dataset, arm],
                spec=request.spec,
                run=request.out,
                device=request.device,
            )
        )
        for block in blocks
    ]


def _point(trainers: Sequence[Trainer], epochs: int, rate: float) -> Point:
    """One fit a seed, at a multiple of the default learning rate."""
    from benchmark import methods, metrics
    from studies import spaces

    auroc, first = metrics.find("auroc"), trainers[0]
    method = methods.trained(first.method)
    parameters = spaces.default(method, epochs, epochs, first.job.backbone)
    parameters["learning_rate"] = rate * method.LEARNING_RATE
    values, seconds = [], []
    for trainer in trainers:
        began = time.perf_counter()
        network = trainer.fit_subsample(parameters, 0)
        seconds.append(time.perf_counter() - began)
        block = trainer.block
        values.append(auroc.value(block.task, block.holdout_labels, trainer.predict_holdout(network)))
    cell = first.job.cell
    learning_rate = float(parameters["learning_rate"])
    return Point(cell.dataset, cell.n_per_class, cell.arm, epochs, learning_rate, tuple(values), fmean(seconds))


def _mean(point: Point) -> float:
    return fmean(point.values)
