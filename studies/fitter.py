"""Trials of methods that fit a classifier to frozen features at once: the trainer's face, without epochs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmark import methods
from benchmark.methods import Floats, Parameters
from benchmark.methods import _frozen as frozen
from benchmark.training.engine import Diverged, move_frozen
from studies.trainer import CellJob, Rows, Scores, Trainer, peak_memory_mb
from studies.tune import Outcome

VIEW_STRENGTH = 0.5  # of the augmented views that a trial may add
Model = Callable[[Floats], Scores]  # (M, D) rows of all features to (M, K) probabilities


class Fitter(Trainer):
    """Fits one arm on one subsample, again and again: what its trials share are the features of all its images.

    The same parameters give the same model: a refit is fitted once.
    """

    prepared: frozen.Frozen

    def __init__(self, job: CellJob) -> None:
        """As a trainer, and with no model fitted yet."""
        super().__init__(job)
        move_frozen(self.prepared.network, self.device)
        self._refitted: dict[str, Model] = {}

    def evaluate(self, number: int, parameters: Parameters) -> Outcome:
        """One trial: the mean over the inner folds of the tuned metric; its epochs are passes over the images."""
        began = time.perf_counter()
        features = self.data.features
        used, computed = features.used, features.computed
        values: list[float] = []
        scores: list[tuple[Rows, Scores]] = []
        error, seen, passes = "", 0, 1 + _views(parameters)
        for fold in range(self.spec.folds):
            training, validation = self.rows_of(fold)
            seen += passes * len(training)
            try:
                model = self._fit(parameters, training)
                scores.append((validation, model(self._clean(len(validation))[validation])))
            except Diverged as reason:
                error = str(reason)
                break
            values.append(self._value(*scores[-1], self.metric))
        self.validated = None if error else self._in_place(scores)
        begun = len(values) + bool(error)
        return Outcome(
            value=self.metric.worst if error else float(np.mean(values)),
            fold_values=tuple(values),
            epochs=passes * begun,
            images_seen=seen,
            ended=f"diverged: {error}" if error else "ok",
            seconds=time.perf_counter() - began,
            peak_memory_mb=peak_memory_mb(self.device),
            features_used=features.used - used,
            features_computed=features.computed - computed,
        )

    def fit_subsample(self, parameters: Parameters, refit: int) -> Model:  # type: ignore[override]
        """Fit to the whole subsample; `refit` changes nothing."""
        key = json.dumps(dict(parameters), sort_keys=True)
        if key not in self._refitted:
            self._refitted[key] = self._fit(parameters, np.arange(len(self.data.images)))
        return self._refitted[key]

    def _predict(  # type: ignore[override]
        self, model: Model, images: torch.Tensor, cached: torch.Tensor | None = None
    ) -> Scores:
        rows = self.data.features.of(self.prepared.network, images) if cached is None else cached
        return model(_numbers(rows))

    def _fit(self, parameters: Parameters, rows: Rows) -> Model:
        method, columns = methods.fitted(self.method), self.prepared.columns(parameters)
        network, features = self.prepared.network, self.data.features
        sets = [self._clean(len(rows))]
        sets += [_numbers(features.view(network, VIEW_STRENGTH, e, len(rows))) for e in range(_views(parameters))]
        inputs = np.concatenate([of[rows][:, columns] for of in sets])
        if not np.isfinite(inputs).all():
            raise Diverged("a feature was not finite")
        targets = np.tile(self.block.labels[rows], (len(sets), 1)).astype(np.float64)
        with _few_threads():
            classify = method.fit(inputs, targets, self.block.task, parameters)

        def model(others: Floats) -> Scores:
            with _few_threads():
                scores = classify(others[:, columns])
            if not np.isfinite(scores).all():
                raise Diverged("a predicted score was not finite")
            return scores.astype(np.float32)

        return model

    def _clean(self, used: int) -> Floats:
        return _numbers(self.data.features.clean(self.prepared.network, used))


def trainer_of(job: CellJob) -> Trainer:
    """What fits a cell's arm."""
    return Trainer(job) if methods.is_trained(job.method) else Fitter(job)


def _few_threads() -> AbstractContextManager[object]:
    """As many threads for numpy's and scipy's sums as torch has: their number decides the last bits of a sum.

    Beside other workers, a thread for every core would only wait for theirs, too.
    """
    limits: AbstractContextManager[object] = _libraries().limit(limits=torch.get_num_threads(), user_api="blas")
    return limits


@cache
def _libraries() -> Any:
    """The libraries that compute sums, which takes a look at all that is loaded."""
    import scipy.linalg  # noqa: F401  # loads its own
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _views(parameters: Parameters) -> int:
    return int(parameters.get("views", 0))


def _numbers(features: torch.Tensor) -> npt.NDArray[np.float64]:
    return features.double().cpu().numpy()
