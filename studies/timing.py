"""How long a trial will take on this machine, from fits of one batch."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark import arms
from benchmark.arms import NetworkSpec, Value
from studies import spaces

if TYPE_CHECKING:
    from benchmark.spec import BenchmarkSpec

#: A search spends its trials neither at the low nor at the high end of the epochs.
TYPICAL_EPOCHS = 0.6
CHANNELS, CLASSES = 3, 2
#: Seconds of a one-batch fit beside which the building of the network is nothing. Where a fit is quicker, on a GPU
#: say, so many more epochs are timed, and what they add.
LONG, MORE = 2.0, 8


def trial_seconds(spec: BenchmarkSpec, device: str, arm: str, rows: int) -> float:
    """Expected seconds of one trial in one process: the mean over the arm's own dimension.

    Args:
        spec: the settings.
        device: "cpu", "cuda", ...
        arm: the arm's name.
        rows: images in the subsample.
    """
    per_image = _seconds_per_image(arm, spec.backbone, spec.image_size, spec.batch_size, device)
    images_seen = spec.folds * rows * (spec.folds - 1) / spec.folds * spec.max_epochs * TYPICAL_EPOCHS
    return per_image * images_seen


@cache
def _seconds_per_image(arm: str, backbone: str, size: int, batch: int, device: str) -> float:
    """Of one epoch, on colour images of two classes: what other data sets change is the first and the last layer."""
    import torch

    from benchmark.seeds import rng_for, seed_for
    from benchmark.training.engine import Recipe, TrainingSet, configure, fit, to_device
    from benchmark.training.features import FrozenFeatures

    configure(1)
    module = arms.find(arm)
    network_spec = NetworkSpec(backbone, CHANNELS, CLASSES, size)
    prepared = module.prepare(network_spec, None)
    rng = rng_for(0, "timing")
    images = to_device(rng.integers(0, 256, (batch, size, size, CHANNELS), dtype=np.uint8), torch.device(device))
    targets = torch.eye(CLASSES, device=images.device)[torch.arange(batch) % CLASSES]
    own, value = arms.own_dimension(module, backbone)
    choices: tuple[Value, ...] = own.choices or (value,)

    def seconds(choice: Value) -> float:
        parameters = spaces.default(module, 1, backbone) | {own.name: choice}
        data = TrainingSet(images, targets, "binary", False, FrozenFeatures(images, False, 0, "timing"))

        def took(epochs: int) -> float:
            began = time.perf_counter()
            fit(
                lambda: module.build(prepared, network_spec, parameters),
                data,
                np.arange(batch),
                Recipe(1e-3, 1e-3, epochs, 0.5, 0.1, batch),
                seed_for(0, "timing"),
            )
            return time.perf_counter() - began

        took(1)  # warms up
        one = took(1)
        if one > LONG:
            return one / batch
        took(1 + MORE)  # fills the cache of frozen features
        return max(took(1 + MORE) - one, 0.0) / (MORE * batch)

    return float(np.mean([seconds(choice) for choice in choices]))
