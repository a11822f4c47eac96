"""Do both sides reach the same AUROC? The same parameters, subsamples and holdout, fitted several times by each.

The holdout is a patient-disjoint share of a data set, or the phantom's other patients. Each side draws its own initial
weights, orders and views, and augments with its own code: the means over seeds and refits have to agree.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark import datasets, metrics
from benchmark.errors import InputError
from benchmark.methods import Value, own_dimension
from benchmark.performance.cases import PRECISIONS, Case, chosen, of_case
from benchmark.performance.plain import refuse_cut
from benchmark.runs.planning import decode, make_plan
from benchmark.runs.request import Request, places_of
from benchmark.seeds import int_seed, seed_for
from benchmark.spec import BenchmarkSpec, Cell

if TYPE_CHECKING:
    from benchmark.images.contract import Images
    from benchmark.images.training_block import TrainingBlock
    from benchmark.weights.find import WeightFile

DATASET, PER_CLASS, SEEDS, REFITS, EPOCHS = "phantom", 50, 5, 5, 30
IMAGE_SIZE, BACKBONE = 64, "tf_efficientnet_lite0"
WANTED = 0.01  # difference of the means up to which the sides agree
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Fits:
    """What one process computes: the refits of a case on one subsample, by one side.

    Attributes:
        case: the case.
        side: `PLAIN`, or the precision that ours computes in.
        spec: the settings.
        block: the subsample and the holdout.
        weights: of the backbone; None for the simple CNN.
        weights_file: the same as the plain script reads them.
        files: row of the data set -> its file, for the plain script.
        channels: of the images.
    """

    case: Case
    side: str
    spec: BenchmarkSpec
    block: TrainingBlock
    weights: WeightFile | None
    weights_file: Path | None
    files: dict[int, Path]
    channels: int


@dataclass(frozen=True, slots=True)
class Reached:
    """AUROCs of a case by one side: (S, R) on the holdout, a row a seed, a column a refit."""

    case: str
    side: str
    values: tuple[tuple[float, ...], ...]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m benchmark.perf --agreement`, which shares others with `--epochs`."""
    group = parser.add_argument_group(
        "mean AUROC of both sides, instead of speed",
        f"Sized by --cases, --datasets (default: {DATASET}), --n-per-class ({PER_CLASS}), --seeds ({SEEDS}), --refits, "
        f"--epochs (one number, {EPOCHS}), --image-size ({IMAGE_SIZE}) and --backbone ({BACKBONE}).",
    )
    group.add_argument("--agreement", action="store_true", help="fit by both sides, and predict a grouped holdout")
    group.add_argument(
        "--refits", type=int, default=REFITS, metavar="R", help="fits on each subsample (default: %(default)s)"
    )


def print_table(flags: argparse.Namespace) -> int:
    """What the command with `--agreement` does: fit, and print the table; returns the exit code."""
    request, epochs = _request(flags)
    results = measure(request, chosen(flags.cases), epochs, _report)
    sys.stdout.write(markdown(results, request.spec, epochs))
    return 0


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _request(flags: argparse.Namespace) -> tuple[Request, int]:
    epochs = flags.epochs or (EPOCHS,)
    names = flags.datasets or (DATASET,)
    sizes = flags.n_per_class or (PER_CLASS,)
    for name, values in (("--epochs", epochs), ("--datasets", names), ("--n-per-class", sizes)):
        if len(values) > 1:
            raise InputError(f"--agreement takes one value of {name}, not {len(values)}.")
    refuse_cut(flags.backbone or BACKBONE)
    places = places_of(names)
    spec = BenchmarkSpec(
        datasets=tuple(places),
        arms=tuple(dict.fromkeys(case.arm for case in chosen(flags.cases))),
        n_per_class=sizes,
        seeds=flags.seeds or SEEDS,
        refits=flags.refits,
        image_size=flags.image_size or IMAGE_SIZE,
        backbone=flags.backbone or BACKBONE,
        min_epochs=epochs[0],
        max_epochs=epochs[0],
        holdout="grouped",
    )
    return Request(
        spec=spec,
        out=Path("mlruns"),
        root=Path("mlruns"),
        data_root=datasets.data_root(flags.data_root),
        weights={},
        devices=("cpu",) * (os.cpu_count() or 1),
        skip_bad_images=False,
        allowed_leaks=(),
        places=places,
    ), epochs[0]


def measure(request: Request, cases: Sequence[Case], epochs: int, report: Callable[[str], None]) -> list[Reached]:
    """Fit every case on every subsample by every side, as many at once as there are cores.

    Args:
        request: data set, seeds, refits; its arms are those of the cases.
        cases: of `cases.CASES`.
        epochs: of each fit; the other parameters are the arm's default.
        report: takes a line on what is done.

    Raises:
        InputError: as `make_plan`; or the plain script cannot do the task.
    """
    from benchmark.performance import measuring, plain
    from studies.workers import warm_up

    warm_up()
    spec, name, n = request.spec, request.spec.datasets[0], request.spec.n_per_class[0]
    plan = make_plan(request, report)
    images, _ = decode(request, name, lambda line: None)  # kept since the plan was made
    blocks = [plan.blocks[name, n, seed] for seed in range(spec.seeds)]
    with tempfile.TemporaryDirectory() as folder:
        files = _write(images, blocks, Path(folder))
        tasks = []
        for case in cases:
            weights = plan.weights[name, case.arm]
            saved = None if weights is None else plain.save_weights(spec, weights, Path(folder))
            for side in (PLAIN, *PRECISIONS):
                of_side = replace(spec, precision="float32" if side == PLAIN else side)
                tasks += [Fits(case, side, of_side, b, weights, saved, files, images.channels) for b in blocks]
        values = []
        with measuring.processes(min(request.workers, len(tasks))) as pool:
            for task, reached in zip(tasks, pool.map(fit_all, tasks), strict=True):
                values.append(reached)
                report(f"{task.case.name}, {task.side}, seed {task.block.seed}: AUROC {np.mean(reached):.4f}")
    return [
        Reached(task.case.name, task.side, tuple(values[place : place + spec.seeds]))
        for place, task in enumerate(tasks)
        if task.block.seed == 0
    ]


def fit_all(task: Fits) -> tuple[float, ...]:
    """AUROC of every refit, (R,), in this process, on one thread."""
    from benchmark.training.engine import configure
    from studies import spaces
    from studies.workers import THREADS

    configure(THREADS)
    spec, block = task.spec, task.block
    method, backbone = of_case(task.case, spec)
    parameters = spaces.default(method, spec.min_epochs, spec.max_epochs, backbone)
    if task.case.own is not None:
        parameters[own_dimension(method, backbone)[0].name] = task.case.own
    auroc = metrics.find("auroc")
    predict = _plain(task, parameters) if task.side == PLAIN else _ours(task, parameters)
    return tuple(auroc.value(block.task, block.holdout_labels, predict(refit)) for refit in range(spec.refits))


def _ours(task: Fits, parameters: dict[str, Value]) -> Callable[[int], np.ndarray]:
    from studies.trainer import CellJob, Trainer

    block = task.block
    cell = Cell(block.dataset, block.n_per_class, block.seed, task.case.arm)
    with tempfile.TemporaryDirectory() as run:
        trainer = Trainer(CellJob(cell, block, task.weights, task.spec, Path(run), "cpu"))
    return lambda refit: trainer.refit(parameters, refit)


def _plain(task: Fits, parameters: dict[str, Value]) -> Callable[[int], np.ndarray]:
    import torch

    from benchmark.performance import plain, plain_script

    block, spec = task.block, task.spec
    data = plain.data_of(block, [task.files[row] for row in block.subsample], spec, task.channels)
    held_out = replace(
        data,
        files=tuple(task.files[row] for row in block.holdout),
        labels=np.asarray(block.holdout_labels.argmax(1)),
    )
    model = plain.model_of(task.case, spec, task.weights, task.weights_file)
    settings = plain.settings_of(spec, spec.precision)

    def predict(refit: int) -> np.ndarray:
        seed = seed_for(spec.root_seed, "plain refit", case=task.case.name, seed=block.seed, refit=refit)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int_seed(seed))
            network = plain_script.fit(data, np.arange(len(data.files)), model, parameters, settings)
        return plain_script.predict(network, held_out, np.arange(len(held_out.files)), model, settings)

    return predict


def _write(images: Images, blocks: Sequence[TrainingBlock], folder: Path) -> dict[int, Path]:
    """The images that any block uses as files at their native size: row -> file."""
    from PIL import Image

    rows = np.unique(np.concatenate([part for block in blocks for part in (block.subsample, block.holdout)]))
    files = {int(row): folder / f"{row}.png" for row in rows}
    for row, file in files.items():
        Image.fromarray(images.read(row)).save(file, compress_level=1)
    return files


def markdown(results: Sequence[Reached], spec: BenchmarkSpec, epochs: int) -> str:
    """The table: mean AUROC of either side, and their difference with its standard error over seeds."""
    lines = [
        "| case | precision | plain | ours | difference | SE | agree |",
        "|---|---|---|---|---|---|---|",
    ]
    plain = {result.case: result for result in results if result.side == PLAIN}
    for result in results:
        if result.side == PLAIN:
            continue
        mean, error = difference(plain[result.case], result)
        sides = (f"{np.mean(side.values):.4f}" for side in (plain[result.case], result))
        agree = "yes" if abs(mean) <= WANTED else "no"
        cells = [result.case, result.side, *sides, f"{mean:+.4f}", f"{error:.4f}", agree]
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    return (
        f"{table}\n\nMean AUROC on the grouped holdout of {spec.datasets[0]}, n = {spec.n_per_class[0]} a class, "
        f"{spec.seeds} seeds of {spec.refits} refits, {epochs} epochs, default parameters, {spec.image_size} px. The "
        f"plain script computes in float32. The sides agree where their means differ by {WANTED:g} at most; SE: over "
        "the seeds, whose subsamples are the same on both sides.\n"
    )


def difference(plain: Reached, ours: Reached) -> tuple[float, float]:
    """Ours less plain, mean over seeds of the means over refits, and its standard error; NaN for one seed."""
    gaps = np.subtract(np.mean(ours.values, axis=1), np.mean(plain.values, axis=1))
    return float(gaps.mean()), float(gaps.std(ddof=1) / len(gaps) ** 0.5) if len(gaps) > 1 else float("nan")
