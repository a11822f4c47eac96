"""The plain side: `plain_script` is given the images, folds, weights and parameters that ours has, and timed."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError
from benchmark.methods import Parameters
from benchmark.performance.cases import Case
from benchmark.spec import BenchmarkSpec
from benchmark.weights.find import WeightFile
from benchmark.weights.sources import cut_of

if TYPE_CHECKING:
    from benchmark.images.training_block import TrainingBlock
    from benchmark.performance import plain_script

SCRATCH_MEAN, SCRATCH_STD = 0.5, 0.25  # as the arm `scratch` normalises
PROBED = 3  # times that either precision is tried


@dataclass(frozen=True, slots=True)
class PlainTask:
    """A study of the plain script: its inputs, and the parameters of its trials."""

    data: plain_script.Data
    model: plain_script.Model
    settings: plain_script.Settings
    parameters: tuple[Parameters, ...]


@dataclass(frozen=True, slots=True)
class PlainStudy:
    """What was measured; the attributes as in `ours.OurStudy`."""

    seconds: float
    cpu_seconds: float
    trial_seconds: tuple[float, ...]
    images_seen: int
    parameters: tuple[Parameters, ...]
    values: tuple[float, ...]
    peak_mb: float


def refuse_cut(backbone: str) -> None:
    """Raise `InputError` for a network that the plain script does not build."""
    if cut_of(backbone)[1] is not None:
        raise InputError(f"the plain script builds networks of timm alone, not '{backbone}': leave out the cut.")


def save_weights(spec: BenchmarkSpec, weights: WeightFile, folder: Path) -> Path:
    """The pretrained backbone in timm's names, as a file that the plain script loads."""
    from safetensors.torch import save_file

    from benchmark.weights.load import load_backbone

    path = folder / "backbone.safetensors"
    save_file(load_backbone(spec.backbone, weights, image_size=spec.image_size).state_dict(), path)
    return path


def model_of(case: Case, spec: BenchmarkSpec, weights: WeightFile | None, file: Path | None) -> plain_script.Model:
    """What the plain script trains in a case.

    Args:
        case: the case.
        spec: with the backbone.
        weights: where the backbone's are from, which says how its images are normalised; None for the simple CNN.
        file: as `save_weights` wrote it.
    """
    from benchmark.performance import plain_script
    from benchmark.performance.cases import of_case
    from benchmark.weights.build import create
    from benchmark.weights.load import normalisation
    from benchmark.weights.stages import split

    method, _ = of_case(case, spec)
    if weights is None:
        return plain_script.Model(
            None, None, ("",), (SCRATCH_MEAN,), (SCRATCH_STD,), method.LEARNING_RATE, method.WEIGHT_DECAY
        )
    backbone = create(spec.backbone, spec.image_size)
    head = f"{backbone.pretrained_cfg['classifier']}."  # type: ignore[index]
    trained = {"all": ("",), "last": (*split(backbone).last_parameters, head), "head": (head,)}[case.own or "all"]
    mean, std = normalisation(weights)
    return plain_script.Model(spec.backbone, file, trained, mean, std, method.LEARNING_RATE, method.WEIGHT_DECAY)


def data_of(block: TrainingBlock, files: Sequence[Path], spec: BenchmarkSpec, channels: int) -> plain_script.Data:
    """A subsample as the plain script takes it: `files` are the block's, in its order."""
    from benchmark.performance import plain_script

    if block.task == "multilabel":
        raise InputError(f"{block.dataset} has several labels an image, and the plain script tells classes apart only.")
    return plain_script.Data(
        files=tuple(files),
        labels=np.asarray(block.labels.argmax(1)),
        classes=len(block.classes),
        folds=block.folds,
        image_size=spec.image_size,
        colour=channels == 3,
        flip=block.flip,
    )


def settings_of(spec: BenchmarkSpec, precision: str) -> plain_script.Settings:
    """Of the plain script's study, as the run's."""
    from benchmark.performance import plain_script

    return plain_script.Settings(spec.min_epochs, spec.max_epochs, spec.batch_size, precision == "bfloat16")


def run_study(task: PlainTask) -> PlainStudy:
    """Compute the study in this process, on one thread."""
    from benchmark.performance import plain_script

    _one_thread()
    _one_epoch(task)
    began, computed = time.perf_counter(), time.process_time()
    study = plain_script.study(task.data, task.model, task.settings, list(map(dict, task.parameters)), seed=0)
    seconds, computed = time.perf_counter() - began, time.process_time() - computed
    return PlainStudy(
        seconds=seconds,
        cpu_seconds=computed,
        trial_seconds=tuple(trial.user_attrs["seconds"] for trial in study.trials),
        images_seen=sum(trial.user_attrs["images_seen"] for trial in study.trials),
        parameters=tuple(trial.params for trial in study.trials),
        values=tuple(float(trial.values[0]) for trial in study.trials),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
    )


def autocast_gain(task: PlainTask) -> float:
    """How many times as fast the plain script is under torch's autocast to bfloat16; the two take turns."""
    _one_thread()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(1 + PROBED):
        for bfloat16, kept in seconds.items():
            began = time.perf_counter()
            _one_epoch(replace(task, settings=replace(task.settings, bfloat16=bfloat16)))
            kept.append(time.perf_counter() - began)
    return min(seconds[False][1:]) / min(seconds[True][1:])  # the first of each warms up


def _one_epoch(task: PlainTask) -> None:
    from benchmark.performance import plain_script

    rows = np.arange(len(task.data.files))[:: max(1, len(task.data.files) // (2 * task.settings.batch_size))]
    plain_script.fit(task.data, rows, task.model, {**task.parameters[0], "epochs": 1}, task.settings)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
