"""How long a trial will take on this machine, from a fit of two batches."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark import arms
from benchmark.arms.contract import Setting, Value
from benchmark.results import Task
from studies import spaces

if TYPE_CHECKING:
    from benchmark.planning import Request

#: A search spends its trials neither at the low nor at the high end of the epochs.
TYPICAL_EPOCHS = 0.6


def trial_seconds(request: Request, arm: str, channels: int, outputs: int, task: Task, rows: int) -> float:
    """Expected seconds of one trial in one process: the mean over the arm's own dimension.

    Args:
        request: for the settings and the device.
        arm: the arm's name.
        channels, outputs, task: of the data set.
        rows: images in the subsample.
    """
    spec = request.spec
    per_image = _seconds_per_image(
        arm, spec.backbone, spec.image_size, channels, outputs, task, spec.batch_size, request.device
    )
    seen = spec.folds * rows * (spec.folds - 1) / spec.folds * spec.max_epochs * TYPICAL_EPOCHS
    return per_image * seen


@cache
def _seconds_per_image(
    arm: str, backbone: str, size: int, channels: int, outputs: int, task: Task, batch: int, device: str
) -> float:
    import torch

    from benchmark.seeds import rng_for, seed_for
    from benchmark.training.engine import Recipe, configure, fit, to_device
    from benchmark.training.features import FrozenFeatures

    configure(1)
    module = arms.find(arm)
    setting = Setting(backbone, channels, outputs)
    prepared = module.prepare(setting, None)
    rng = rng_for(0, "timing")
    pixels = rng.integers(0, 256, (2 * batch, size, size, channels), dtype=np.uint8)
    images = to_device(pixels, torch.device(device))
    targets = torch.eye(outputs, device=images.device)[torch.arange(2 * batch) % outputs]
    choices: tuple[Value, ...] = module.OWN.choices or (module.OWN_DEFAULT,)
    seconds = []
    for choice in choices:
        parameters = spaces.default(module, 1) | {module.OWN.name: choice}
        features = FrozenFeatures(images, False, 0, "timing")
        recipe = Recipe(1e-3, 1e-3, 1, 0.5, 0.1, batch)
        for _ in range(2):  # the first fit warms up, and fills the cache of frozen features
            began = time.perf_counter()
            fit(
                lambda: module.build(prepared, setting, parameters),  # noqa: B023  (called at once)
                images,
                targets,
                np.arange(2 * batch),
                recipe,
                task,
                False,
                features,
                seed_for(0, "timing"),
            )
        seconds.append((time.perf_counter() - began) / (2 * batch))
    return float(np.mean(seconds))
