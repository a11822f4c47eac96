"""How far fits on a card are from what it can do: their images a second, beside a bare loop of large batches.

Small batches leave a card idle; processes that share it fill it. So the fits are timed in one process and in several.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from dataclasses import dataclass, replace
from itertools import product
from threading import Barrier
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.methods import NetworkSpec
from benchmark.performance.cases import PRECISIONS, Case, chosen, of_case
from benchmark.spec import BenchmarkSpec

if TYPE_CHECKING:
    from benchmark.training.network import Network
    from benchmark.training.step import TrainingSet

CASES = ("scratch", "all", "last")
PROCESSES = (1, 2, 4)  # on a card
BACKBONE, IMAGE_SIZE, BATCH_SIZE = "resnet50", 224, 16  # as the preset `study` has them
IMAGES = 267  # of a fit: two of three folds of 200 in each of two classes
EPOCHS, WARMING = 20, 3  # that are timed, and of the fit before
LARGE, LARGE_STEPS = 256, 20  # images of a large batch; batches that are timed
PATIENCE = 300.0  # seconds for a process to be ready

COLUMNS = ("case", "precision", "processes", "images/s", "of large batches", "MB a process")
LEGEND = (
    "images/s: training images, of whole fits of {epochs} epochs of {images} images, built, augmented and captured "
    "included; {backbone} (scratch: the simple CNN), {size} px, batches of {batch}. of large batches: this over the "
    "images a second of a bare loop of training steps on batches of {large} that lie ready on the device, without "
    "augmentation: {rates}. MB a process: what it took of the card's memory."
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is fitted: a case, in the settings of a run, on a device."""

    case: Case
    spec: BenchmarkSpec
    device: str
    images: int = IMAGES
    epochs: int = EPOCHS
    large: int = LARGE


@dataclass(frozen=True, slots=True)
class Row:
    """Images a second of a number of processes together, of large batches in one, and a process's megabytes."""

    load: Load
    processes: int
    rate: float
    large: float
    memory_mb: float


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flag of `python -m benchmark.perf --card`, which shares others with `--epochs`."""
    group = parser.add_argument_group(
        "fits beside large batches, instead of the plain script: for a card",
        f"Sized by --cases (default: {','.join(CASES)}), --image-size ({IMAGE_SIZE}), --backbone ({BACKBONE}) and "
        "--device.",
    )
    group.add_argument("--card", action="store_true", help="time fits in one process and in several on one device")


def print_table(flags: argparse.Namespace) -> int:
    """What the command with `--card` does: measure, and print the table; returns the exit code."""
    from benchmark.command_line import device_name

    cases = chosen([name for name in flags.cases if name in CASES])
    if not cases:
        raise InputError(f"--cases {','.join(flags.cases)}: of these --card times none. It times {', '.join(CASES)}.")
    device = device_name(flags.device)
    sizes = flags.image_size or IMAGE_SIZE, flags.backbone or BACKBONE
    loads = [Load(case, _spec(case, precision, *sizes), device) for case, precision in product(cases, PRECISIONS)]
    rows = [row for load in loads for row in measure(load, PROCESSES, _report)]
    sys.stdout.write(markdown(rows))
    return 0


def measure(load: Load, processes: Sequence[int], report: Callable[[str], None]) -> list[Row]:
    """Time the large batches, then the fits of so many processes at once, each in fresh ones."""
    (large, _), *_ = _together(_large_batches, load, 1)
    rows = []
    for count in processes:
        measured = _together(_fits, load, count)
        seconds = max(seconds for seconds, _ in measured)
        rate = count * load.images * load.epochs / seconds
        rows.append(Row(load, count, rate, load.large * LARGE_STEPS / large, max(memory for _, memory in measured)))
        report(f"{load.case.name}, {load.spec.precision}, {count} processes: {rate:,.0f} images/s")
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The table and its legend."""
    from benchmark.performance.table import aligned, where

    first = rows[0].load
    of_large = {(row.load.case.name, row.load.spec.precision): row.large for row in rows}
    legend = LEGEND.format(
        epochs=first.epochs,
        images=first.images,
        backbone=first.spec.backbone,
        size=first.spec.image_size,
        batch=first.spec.batch_size,
        large=first.large,
        rates=", ".join(f"{rate:,.0f} ({case}, {precision})" for (case, precision), rate in of_large.items()),
    )
    lines = [
        (
            row.load.case.name,
            row.load.spec.precision,
            str(row.processes),
            f"{row.rate:,.0f}",
            f"{row.rate / row.large:.0%}",
            f"{row.memory_mb:,.0f}",
        )
        for row in rows
    ]
    return f"{aligned([COLUMNS, *lines])}\n\n{legend}\n\n{where(first.device)}\n"


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _spec(case: Case, precision: str, image_size: int, backbone: str) -> BenchmarkSpec:
    return BenchmarkSpec(
        datasets=("noise",),
        arms=(case.arm,),
        image_size=image_size,
        backbone=backbone,
        batch_size=BATCH_SIZE,
        precision=precision,
    )


Timed = Callable[[Load, Barrier], tuple[float, float]]


def _together(work: Timed, load: Load, count: int) -> list[tuple[float, float]]:
    """What every one of `count` processes gives: seconds, and megabytes of memory."""
    from benchmark.performance.measuring import processes
    from studies.workers import start_context

    with start_context().Manager() as manager, processes(count) as pool:
        barrier = manager.Barrier(count)
        works = [pool.submit(work, load, barrier) for _ in range(count)]
        ended, _ = wait(works, return_when=FIRST_EXCEPTION)
        error = next((error for one in ended if (error := one.exception()) is not None), None)
        if error is not None:
            barrier.abort()  # the others are not to wait for it
            raise InputError(
                f"{load.case.name} in {count} process(es) on {load.device} failed: {type(error).__name__}: {error}"
            ) from error
        return [one.result() for one in works]


def _fits(load: Load, barrier: Barrier) -> tuple[float, float]:
    """A whole fit, after a short one; it ends with a wait for the device."""
    import numpy as np

    from benchmark.seeds import seed_for
    from benchmark.training.engine import fit
    from benchmark.training.step import Recipe
    from studies.trainer import peak_memory_mb

    data, build = _begin(load)
    recipe = Recipe(1e-3, 1e-3, WARMING, 0.5, 0.1, load.spec.batch_size)
    rows = np.arange(load.images)
    fit(build, data, rows, recipe, seed_for(0, "warming"))
    barrier.wait(PATIENCE)
    began = time.perf_counter()
    fit(build, data, rows, replace(recipe, epochs=load.epochs), seed_for(0, "fit"))
    return time.perf_counter() - began, peak_memory_mb(data.images.device)


def _large_batches(load: Load, barrier: Barrier) -> tuple[float, float]:
    """Training steps alone, forward, backward and the optimiser's, again and again on one large batch."""
    import torch

    from benchmark.performance.floor import bare_step
    from benchmark.training.engine import move_frozen
    from benchmark.training.features import as_unit, frozen_features
    from benchmark.training.step import parameter_groups
    from studies.trainer import peak_memory_mb

    data, build = _begin(replace(load, images=load.large))
    network, device = build(), data.images.device
    learned = network.learned.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    move_frozen(network, device)
    inputs = as_unit(data.images)
    if network.frozen is not None:
        inputs = frozen_features(network, inputs, load.spec.precision)
    optimiser = torch.optim.AdamW(parameter_groups(learned, 1e-3), lr=1e-4, fused=True)
    for step in range(LARGE_STEPS + WARMING):
        if step == WARMING:
            _wait(load)
            began = time.perf_counter()
        bare_step(learned, optimiser, inputs, data.targets, data)
    _wait(load)
    return time.perf_counter() - began, peak_memory_mb(device)


def _begin(load: Load) -> tuple[TrainingSet, Callable[[], Network]]:
    """Noise on the device, and what builds the case's network: random weights cost what others do."""
    import torch

    from benchmark.methods import own_dimension
    from benchmark.training.engine import configure
    from benchmark.training.features import FrozenFeatures
    from benchmark.training.step import TrainingSet
    from studies.workers import THREADS

    configure(THREADS, load.device)
    spec, device = load.spec, torch.device(load.device)
    shape = (load.images, 3, spec.image_size, spec.image_size)
    images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8).to(device)
    targets = torch.eye(2)[torch.arange(load.images) % 2].to(device)
    features = FrozenFeatures(images, True, 0, "noise", precision=spec.precision)
    method, backbone = of_case(load.case, spec)
    network = NetworkSpec(backbone, 3, 2, spec.image_size, spec.precision)
    prepared = method.prepare(network, None)
    dimension, default = own_dimension(method, backbone)
    own = {dimension.name: load.case.own or default}
    data = TrainingSet(images, targets, "binary", True, features, spec.precision)
    return data, lambda: method.build(prepared, network, own)


def _wait(load: Load) -> None:
    import torch

    if load.device != "cpu":
        torch.cuda.synchronize()
