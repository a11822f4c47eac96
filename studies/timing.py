"""How long a cell will take on this machine, from short trials of each kind, timed as many at once as will run."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import arms, methods
from benchmark.methods import Parameters, Value
from benchmark.processes import follow_parent
from studies import spaces
from studies.workers import THREADS, start_context, warm_up

if TYPE_CHECKING:
    from benchmark.spec import BenchmarkSpec
    from studies.trainer import Trainer

#: Seconds of a trial of a few epochs beside which the building of the network is nothing: no more epochs are timed.
LONG = 2.0
FEW, MORE = 2, 3  # epochs: in the second a card's step is captured
CHANNELS, CLASSES = 3, 2
STRENGTHS = 5  # of augmentation that a search tries
NEW_VIEW = 10_000  # an epoch that no trial has
MOST_VIEWS = 4  # of an image, whose features a method without epochs asks for
#: A search prefers long fits: its mean lies so far from the range's mean towards its upper end, its best further.
LEANING, BEST_LEANING = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Speed:
    """What fits cost, in seconds of one process.

    Attributes:
        fit: one fit, beside its epochs.
        image: one training image in one epoch.
        view: the frozen layers' features of one image, computed once for each strength and epoch; 0 without such.
        memory_mb, card_mb: peak of the process, and of what it takes of a card; 0 without one.
    """

    fit: float
    image: float
    view: float
    memory_mb: float = 0.0
    card_mb: float = 0.0

    @property
    def predict(self) -> float:
        """Passing one image, or its frozen layers' features, through what is trained: a third of a training step."""
        return self.image / 3


@dataclass(frozen=True, slots=True)
class CellTime:
    """Expected seconds of one cell in one process: its trials, and the refits with their predictions."""

    search: float
    refit: float

    @property
    def total(self) -> float:
        """Both."""
        return self.search + self.refit


def measure_speeds(
    spec: BenchmarkSpec, devices: Sequence[str], report: Callable[[str], None]
) -> tuple[dict[str, list[Speed]], float]:
    """Time every arm of a run, each value of its own dimension apart.

    Args:
        spec: the settings.
        devices: one for each process: as many are timed together as will run together, as they slow each other down.
        report: takes a line after each kind of trial.

    Returns:
        arm -> speeds, and the seconds from the first import until a worker could begin.
    """
    began = time.perf_counter()
    tasks = [(arm, choice) for arm in spec.arms for choice in _kinds(spec, arm)]
    speeds: dict[str, list[Speed]] = {arm: [] for arm in spec.arms}
    report(f"timing short trials of {len(tasks)} kinds on this machine: {spec.backbone} at {spec.image_size} px")
    with _processes(devices[: len(tasks)]) as pool:
        pool.submit(_ready).result()
        start = time.perf_counter() - began
        timed = pool.map(_measure, [(spec, *task) for task in tasks])
        for number, ((arm, value), speed) in enumerate(zip(tasks, timed, strict=True), 1):
            speeds[arm].append(speed)
            kind = arm if value is None else f"{arm}, {spaces.of_arm(arm, spec)[-1].name} {value}"
            report(f"  {number} of {len(tasks)} timed: {kind}")
    return speeds, start


def cell_time(
    spec: BenchmarkSpec, arm: str, speeds: Sequence[Speed], rows: int, holdout: int, sharing: int | None = None
) -> CellTime:
    """Expected cost of one cell.

    Args:
        spec: the settings.
        arm: its arm.
        speeds: of the arm, by its own dimension's values, which are taken to be tried equally often.
        rows: images of the subsample.
        holdout: images of the holdout.
        sharing: cells of this arm that read the frozen layers' features of the holdout after one has computed them;
            None where every refit computes its own, as on a card.
    """
    # A cell refits one kind, which is as likely to be any of them, and the first of its kind alone computes.
    passes = spec.refits if sharing is None else min(1.0, len(speeds) / sharing)
    epochs = next((dimension for dimension in spaces.of_arm(arm, spec) if dimension.name == "epochs"), None)
    if epochs is None:  # features are computed once, of at most so many views
        (speed,) = speeds
        search = spec.budget * (spec.folds - 1) * speed.image * rows + MOST_VIEWS * rows * speed.view
        return CellTime(search, speed.image * rows + passes * speed.view * holdout)
    trials = spec.budget / len(speeds)
    typical, longest = _leaning(epochs.low, epochs.high, LEANING), _leaning(epochs.low, epochs.high, BEST_LEANING)
    search = refit = 0.0
    for speed in speeds:
        trial = spec.folds * speed.fit + speed.image * typical * (spec.folds - 1) * rows
        per_strength = trials / STRENGTHS  # the features of a view are shared by the trials that reach its epoch
        views = min(per_strength, 1.0) * (typical + (epochs.high - typical) * max(0.0, 1 - 2 / (per_strength + 1)))
        search += trials * trial + STRENGTHS * views * rows * speed.view
        one = speed.fit + speed.image * longest * rows + speed.predict * holdout
        refit += (spec.refits * one + passes * speed.view * holdout) / len(speeds)
    return CellTime(search, refit)


def _kinds(spec: BenchmarkSpec, arm: str) -> tuple[Value | None, ...]:
    """The values of an arm's own dimension that are timed apart; None for a method that is fitted at once."""
    of = arms.find(arm, spec.definitions)
    method = arms.method_of(of)
    if not methods.is_trained(method):
        return (None,)
    own, value = methods.own_dimension(methods.trained(method), arms.backbone_of(of, spec.backbone))
    return own.choices or (value,)


def _leaning(low: float, high: float, share: float) -> float:
    """Between the mean of a log-uniform number in [low, high] and `high`."""
    mean = (high - low) / math.log(high / low) if high > low else high
    return mean + share * (high - mean)


@contextmanager
def _processes(devices: Sequence[str]) -> Iterator[ProcessPoolExecutor]:
    warm_up()
    context = start_context()
    places: SimpleQueue[str] = context.SimpleQueue()
    for device in devices:
        places.put(device)
    with ProcessPoolExecutor(len(devices), context, initializer=_begin, initargs=(places,)) as pool:
        yield pool


_device: list[str] = []  # a process's own


def _begin(places: SimpleQueue[str]) -> None:
    follow_parent()
    _device[:] = [places.get()]


def _ready() -> None:
    """The first task of all."""


def _measure(task: tuple[BenchmarkSpec, str, Value | None]) -> Speed:
    """Time trials on two batches of noise, in two folds."""
    import torch

    from benchmark.training.engine import configure
    from studies.trainer import peak_memory_mb

    spec, arm, choice = task
    configure(THREADS, _device[0])
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(spec, arm, Path(folder))
        backbone = trainer.job.backbone
        parameters = spaces.default(trainer.method, spec.min_epochs, spec.max_epochs, backbone)
        if choice is not None:
            parameters[spaces.of_arm(arm, spec)[-1].name] = choice

        def took(epochs: int) -> float:
            began = time.perf_counter()
            trainer.evaluate(0, parameters | {"epochs": epochs})
            return time.perf_counter() - began

        def speed(fit: float, image: float) -> Speed:
            card_mb = 0.0 if trainer.device.type == "cpu" else peak_memory_mb(trainer.device)
            return Speed(fit, image, view, peak_memory_mb(torch.device("cpu")), card_mb)

        rows = len(trainer.block.subsample)
        took(FEW)  # the first also imports, begins a card, and computes features of frozen layers
        few = took(FEW)
        view = _view_seconds(trainer, parameters) / rows
        if choice is None or few > LONG:
            return speed(0.0, few / (FEW * rows))
        _, warm = took(FEW + MORE), took(FEW + MORE)
        image = max(warm - few, 0.0) / (MORE * rows)
        return speed(max(few - FEW * image * rows, 0.0) / 2, image)


def _view_seconds(trainer: Trainer, parameters: Parameters) -> float:
    """Of the frozen layers' features of all images, in a view that no trial has asked for; 0 without such layers."""
    from benchmark.training.engine import move_frozen

    network = trainer.build(parameters) if methods.is_trained(trainer.method) else trainer.prepared.network
    if network.frozen is None:
        return 0.0
    move_frozen(network, trainer.device)
    began = time.perf_counter()
    trainer.data.features.view(network, 0.5, NEW_VIEW).flatten()[0].item()  # which waits for a card
    return time.perf_counter() - began


def _trainer(spec: BenchmarkSpec, arm: str, folder: Path) -> Trainer:
    """Of colour images of two classes: what other data sets change is the first and the last layer."""
    import numpy as np

    from benchmark.images.training_block import TrainingBlock
    from benchmark.seeds import rng_for
    from benchmark.spec import Cell
    from studies.fitter import trainer_of
    from studies.trainer import CellJob

    rows = 2 * spec.batch_size
    pixels = folder / "pixels.npy"
    size = (rows, spec.image_size, spec.image_size, CHANNELS)
    np.save(pixels, rng_for(0, "timing").integers(0, 256, size, dtype=np.uint8))
    labels = np.eye(CLASSES, dtype=np.float32)[np.arange(rows) // 2 % CLASSES]
    names = np.array([f"{row}" for row in range(rows)])
    block = TrainingBlock(
        dataset="timing",
        n_per_class=spec.batch_size,
        seed=0,
        task="binary",
        classes=("a", "b"),
        flip=False,
        pixels=pixels,
        subsample=np.arange(rows),
        labels=labels,
        folds=np.arange(rows) % 2,
        subsample_ids=names,
        subsample_groups=names,
        holdout=np.arange(rows),
        holdout_labels=labels,
        holdout_ids=names,
        holdout_groups=names,
        facts={},
    )
    cell = Cell("timing", spec.batch_size, 0, arm)
    return trainer_of(CellJob(cell, block, None, dataclasses.replace(spec, folds=2), folder, _device[0]))
