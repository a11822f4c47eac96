"""The floor: the same network's training steps in a bare loop, on batches that lie ready in memory."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from benchmark.methods import Parameters
from benchmark.training.features import as_unit, frozen_features
from benchmark.training.network import computing_in
from benchmark.training.step import TrainingSet, classification_loss, parameter_groups

if TYPE_CHECKING:
    from studies.trainer import Trainer


def floor_seconds(trainer: Trainer, parameters: Parameters) -> float:
    """Seconds of a trial's steps alone: forward, loss, backward and the optimiser's step, in every fold and epoch.

    What a trial has beside them is not in it: augmentation, features of frozen layers, shuffling, gathering and
    clipping, the schedule, building the network, validation.
    """
    spec, data = trainer.spec, trainer.data
    total = 0.0
    for fold in range(spec.folds):
        rows = torch.from_numpy((trainer.block.folds != fold).nonzero()[0])
        network = trainer.build(parameters)
        inputs = as_unit(data.images[rows])
        if network.frozen is not None:
            inputs = frozen_features(network, inputs, spec.precision)
        learned = network.learned.to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.AdamW(parameter_groups(learned, 1e-3), lr=1e-4, fused=True)
        count = math.ceil(len(rows) / spec.batch_size)
        layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
        batches = [batch.contiguous(memory_format=layout) for batch in inputs.tensor_split(count)]
        targets = data.targets[rows].tensor_split(count)
        began = time.perf_counter()
        for _ in range(int(parameters["epochs"])):
            for batch, target in zip(batches, targets, strict=True):
                bare_step(learned, optimiser, batch, target, data)
        total += time.perf_counter() - began
    return total


def bare_step(
    learned: nn.Module, optimiser: torch.optim.Optimizer, batch: Tensor, target: Tensor, data: TrainingSet
) -> None:
    """Forward, loss, backward and the optimiser's step, on a batch as it is."""
    with computing_in(data.precision, batch.device):
        logits = learned(batch)
    loss = classification_loss(logits, target, data.task, 0.1)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
