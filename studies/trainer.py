"""What the trials of a cell share: the subsample on the device, the arm's weights, the features of frozen layers."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmark import arms, methods, metrics
from benchmark.arm import Arm
from benchmark.images.training_block import ExternalSet, TrainingBlock
from benchmark.methods import Method, NetworkSpec, Parameters
from benchmark.seeds import seed_for
from benchmark.spec import BenchmarkSpec, Cell
from benchmark.training.description import described
from benchmark.training.engine import Diverged, Watch, fitting, predict, to_device
from benchmark.training.feature_store import FeatureStore
from benchmark.training.features import FrozenFeatures
from benchmark.training.heads import HeadFit, fit_heads, only_a_head_learns
from benchmark.training.network import Network
from benchmark.training.step import Recipe, TrainingSet
from benchmark.weights.find import WeightFile
from studies.curves import Recorder
from studies.tune import Outcome

Rows = npt.NDArray[np.intp]
Scores = npt.NDArray[np.float32]

FEATURES = "features"  # the folder of frozen features, beside the decoded images
PREDICTED = 1024  # holdout images that are read and predicted at one time


@dataclass(frozen=True, slots=True)
class CellJob:
    """What a worker is given: a cell, its block, its weights, and where the run's folder is."""

    cell: Cell
    block: TrainingBlock
    weights: WeightFile | None
    spec: BenchmarkSpec
    run: Path
    device: str

    @property
    def arm(self) -> Arm:
        """What the cell's arm is."""
        return arms.find(self.cell.arm, self.spec.definitions)

    @property
    def method(self) -> Method:
        """How it is fitted."""
        return arms.method_of(self.arm)

    @property
    def backbone(self) -> str:
        """Its network."""
        return arms.backbone_of(self.arm, self.spec.backbone)


class Trainer:
    """Fits one arm on one subsample, again and again.

    Attributes:
        model: the network of the last refit in numbers (`benchmark.training.description`); None before there is one.
        validated: (n, K) what the models of the last trial's folds said of the images that they were validated on; None
            where it diverged, or before there is one.
    """

    model: Mapping[str, Any] | None = None
    validated: Scores | None = None

    def __init__(self, job: CellJob) -> None:
        """Put the subsample on the device and load the arm's weights."""
        self.job, self.block, self.spec = job, job.block, job.spec
        self.method = job.method
        self.metric = metrics.find(self.spec.tune_metric)
        self._quick = replace(self.metric, of_class=None)  # the same value by our formula, in a tenth of the time
        self.device = torch.device(job.device)
        images = to_device(self.block.images(self.block.subsample), self.device)
        self.data = TrainingSet(
            images=images,
            targets=torch.from_numpy(self.block.labels).to(self.device),
            task=self.block.task,
            flip=self.block.flip,
            features=FrozenFeatures(
                images,
                self.block.flip,
                self.spec.root_seed,
                job.cell.key,
                precision=self.spec.precision,
                store=FeatureStore(self.block.pixels.parent / FEATURES),
            ),
            precision=self.spec.precision,
        )
        outputs, size = len(self.block.classes), self.spec.image_size
        self.network = NetworkSpec(job.backbone, images.shape[1], outputs, size, self.spec.precision)
        self.prepared = self.method.prepare(self.network, job.weights)

    def evaluate(self, number: int, parameters: Parameters) -> Outcome:
        """One trial: the mean over the inner folds of the tuned metric, in its natural units."""
        began = time.perf_counter()
        features = self.data.features
        used, computed = features.used, features.computed
        folds = [self._fold(fold, number, parameters) for fold in range(self.spec.folds)]
        first = folds[0].network = next(folds[0].steps)
        if only_a_head_learns(first):
            self._fit_heads(folds, number, parameters)
        else:
            for together in [folds] if first.frozen is not None else [[fold] for fold in folds]:
                self._take_turns(together)
                if any(fold.error for fold in together):
                    break
        lost = next((fold for fold in folds if fold.error), None)
        self.validated = None if lost is not None else self._in_place((fold.validation, fold.scores) for fold in folds)
        begun = folds if lost is None else folds[: lost.number + 1]
        values = [fold.value for fold in begun if fold.value is not None]
        epochs = int(parameters["epochs"])
        return Outcome(
            value=float(np.mean(values)) if lost is None else self.metric.worst,
            fold_values=tuple(values),
            epochs=epochs * len(begun),
            images_seen=sum(epochs * len(fold.training) for fold in begun),
            ended="ok" if lost is None else f"diverged: {lost.error}",
            seconds=time.perf_counter() - began,
            peak_memory_mb=peak_memory_mb(self.device),
            curves=tuple(fold.recorder.curve(fold.value) for fold in begun),
            features_used=features.used - used,
            features_computed=features.computed - computed,
        )

    def rows_of(self, fold: int) -> tuple[Rows, Rows]:
        """The rows of the subsample to train on in an inner fold, and those to validate on."""
        return np.flatnonzero(self.block.folds != fold), np.flatnonzero(self.block.folds == fold)

    def _in_place(self, of_folds: Iterable[tuple[Rows, Scores | None]]) -> Scores:
        """(n, K) of the whole subsample, from the scores of its folds, which are there."""
        together = np.full((len(self.block.subsample), len(self.block.classes)), np.nan, dtype=np.float32)
        for rows, scores in of_folds:
            together[rows] = scores
        return together

    def build(self, parameters: Parameters) -> Network:
        """A network with its initial weights, from torch's generator."""
        return methods.trained(self.method).build(self.prepared, self.network, parameters)

    def _fold(self, fold: int, number: int, parameters: Parameters) -> _Fold:
        training, validation = self.rows_of(fold)
        recorder = Recorder(int(parameters["epochs"]), partial(self._value_by_then, validation))
        steps = self._fitting(parameters, training, "fit", recorder, trial=number, fold=fold)
        return _Fold(fold, training, validation, recorder, steps)

    def _fit_heads(self, folds: Sequence[_Fold], number: int, parameters: Parameters) -> None:
        """Fit the heads of all folds as one problem."""
        seed, cell = self.spec.root_seed, self.job.cell.key
        ends = fit_heads(
            lambda: self.build(parameters),
            self.data,
            [
                HeadFit(fold.training, seed_for(seed, "fit", cell=cell, trial=number, fold=fold.number), fold.recorder)
                for fold in folds
            ],
            recipe_of(parameters, self.spec.batch_size),
        )
        for fold, end in zip(folds, ends, strict=True):
            try:
                if isinstance(end, Diverged):
                    raise end
                self._validate(fold, end)
            except Diverged as error:
                fold.error = str(error)

    def _take_turns(self, folds: Sequence[_Fold]) -> None:
        """Fit folds by turns, an epoch each: so every view of the images is needed once, if they share its features.

        The trial is what it is one after another: what later folds than one that diverges have done does not count.
        """
        for fold in folds:
            fold.network = fold.network or next(fold.steps)
        still = list(folds)
        while still:
            for fold in list(still):
                try:
                    if fold.network is not None and next(fold.steps, None) is None:
                        self._validate(fold, fold.network)
                        fold.network = None  # the next one may need the memory
                        still.remove(fold)
                except Diverged as error:
                    fold.error = str(error)
                    still = [other for other in still if other.number < fold.number]
                    break

    def refit(self, parameters: Parameters, refit: int) -> Scores:
        """Fit the whole subsample once more and predict the holdout: (m, K) probabilities."""
        return self.predict_holdout(self.fit_subsample(parameters, refit))

    def fit_subsample(self, parameters: Parameters, refit: int) -> Network:
        """One fit of the whole subsample; `refit` numbers its initial weights."""
        *_, network = self._fitting(parameters, np.arange(len(self.data.images)), "refit", refit=refit)
        self.model = {**described(network), "channels": self.network.channels, "image_size": self.network.image_size}
        return network

    def predict_holdout(self, network: Any) -> Scores:
        """(m, K) probabilities, a part of the images in memory at a time."""
        return self._predict_rows(network, self.block, self.block.holdout)

    def predict_external(self, network: Any, external: ExternalSet) -> Scores:
        """(m, K) probabilities of its own classes, given that an image belongs to one of them."""
        scores = self._predict_rows(network, external, np.arange(len(external.ids)))[:, external.kept]
        complete = len(external.kept) == len(self.block.classes)
        return scores if complete or self.block.task == "multilabel" else among(scores)

    def _predict_rows(self, network: Any, of: TrainingBlock | ExternalSet, rows: Rows) -> Scores:
        parts = np.array_split(rows, max(1, len(rows) // PREDICTED))
        return np.concatenate([self._predict(network, to_device(of.images(part), self.device)) for part in parts])

    def _predict(self, network: Network, images: torch.Tensor, cached: torch.Tensor | None = None) -> Scores:
        precision, features = self.spec.precision, self.data.features
        return predict(network, images, self.block.task, cached=cached, precision=precision, features=features).numpy()

    def _validate(self, fold: _Fold, network: Network) -> None:
        """Note what a fold's fitted network says of the fold's images, and the tuned metric of it."""
        fold.scores = self._scores(fold.validation, network)
        fold.value = self._value(fold.validation, fold.scores, self.metric)

    def _value(self, validation: Rows, scores: Scores, metric: metrics.Metric) -> float:
        """A metric of the scores of validation rows."""
        return metric.value(self.block.task, self.block.labels[validation], scores)

    def _scores(self, validation: Rows, network: Network) -> Scores:
        cached = None
        if network.frozen is not None:
            cached = self.data.features.clean(network, len(validation))[validation]
        return self._predict(network, self.data.images[validation], cached)

    def _value_by_then(self, validation: Rows, network: Network) -> float:
        """The tuned metric of an unfinished fit. What is not finite is noted and ends nothing: the fit may recover."""
        try:
            return self._value(validation, self._scores(validation, network), self._quick)
        except Diverged:
            return math.nan

    def _fitting(
        self, parameters: Parameters, rows: Rows, role: str, watch: Watch | None = None, **key: int
    ) -> Iterator[Network]:
        return fitting(
            lambda: self.build(parameters),
            self.data,
            rows,
            recipe_of(parameters, self.spec.batch_size),
            seed_for(self.spec.root_seed, role, cell=self.job.cell.key, **key),
            watch,
        )


@dataclass(eq=False)
class _Fold:
    """A fold's fit on its way: what it is given, and how far it is."""

    number: int
    training: Rows
    validation: Rows
    recorder: Recorder
    steps: Iterator[Network]
    network: Network | None = None
    value: float | None = None
    scores: Scores | None = None
    error: str = ""


def among(scores: Scores) -> Scores:
    """(m, K) probabilities of some of the classes that exclude each other, made to sum to 1."""
    kept = np.maximum(scores, np.finfo(np.float32).tiny)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True), dtype=np.float32)


def recipe_of(parameters: Parameters, batch_size: int) -> Recipe:
    """The shared part of a trial's parameters, as the engine takes it."""
    return Recipe(
        learning_rate=float(parameters["learning_rate"]),
        weight_decay=float(parameters["weight_decay"]),
        epochs=int(parameters["epochs"]),
        augmentation=float(parameters["augmentation"]),
        label_smoothing=float(parameters["label_smoothing"]),
        batch_size=batch_size,
    )


def peak_memory_mb(device: torch.device) -> float:
    """Of the device; on the CPU of this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_reserved(device)) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
