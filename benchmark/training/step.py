"""One training step of a fit, and what it is given: a batch's views, its loss and gradient, the optimiser's step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.results import Task
from benchmark.training.augment import Mixture, augment, mixup
from benchmark.training.features import FrozenFeatures
from benchmark.training.network import computing_in

LARGEST_NORM = 5.0  # the gradient is clipped to it


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to fit, the part that every arm shares.

    Attributes:
        learning_rate: peak of the schedule.
        weight_decay: decoupled; not applied to biases and normalisation.
        epochs: passes over the training images.
        augmentation: strength in [0, 1].
        label_smoothing: in [0, 1).
        batch_size: the largest batch; an epoch is cut into equal batches of at most this size.
    """

    learning_rate: float
    weight_decay: float
    epochs: int
    augmentation: float
    label_smoothing: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A subsample on the device, with what every fit on it shares.

    Attributes:
        images: (N, C, H, W) uint8.
        targets: (N, K) one-hot, or 0/1 with NaN for unknown labels.
        task: decides the loss: softmax cross-entropy, or masked binary cross-entropy for "multilabel".
        flip: whether left-right flips are allowed.
        features: of these images, used where part of the network is frozen.
        precision: of the network but its head: "float32", or "bfloat16" as torch's autocast.
    """

    images: Tensor
    targets: Tensor
    task: Task
    flip: bool
    features: FrozenFeatures
    precision: str = "float32"


class Step:
    """What a fit does with one batch. Nothing in it waits for the device, so that a card can replay it as a graph.

    Attributes:
        device: of the images.
        drawing: the generator of augmentation, there.
    """

    def __init__(self, learned: nn.Module, data: TrainingSet, recipe: Recipe, drawing: torch.Generator) -> None:
        """Train `learned`, which is on the device."""
        self.device = device = data.images.device
        self._learned, self._data, self._recipe, self.drawing = learned, data, recipe, drawing
        self._on_card = device.type == "cuda"
        # A graph reads the rate anew at every replay, if it is a tensor.
        self._rate: Any = torch.zeros((), device=device) if self._on_card else recipe.learning_rate
        groups = parameter_groups(learned, recipe.weight_decay)
        self._trained: list[nn.Parameter] = [parameter for group in groups for parameter in group["params"]]
        self._optimiser = torch.optim.AdamW(groups, lr=self._rate, fused=True, capturable=self._on_card)
        self._features: Tensor | None = None
        self._sums = torch.zeros(2, device=device)  # of losses and of gradient norms

    def begin_epoch(self, features: Tensor | None) -> None:
        """Take (N, ...) features of the images in this epoch, where a part of the network is frozen."""
        self._sums.zero_()
        if features is not None and self._on_card:  # where a graph knows them to be
            self._features = torch.empty_like(features) if self._features is None else self._features
            self._features.copy_(features)
        else:
            self._features = features

    def end_epoch(self) -> tuple[float, float]:
        """The sums of its losses and of its gradient norms: a wait for the device."""
        if not self._on_card:
            self._features = None  # others may need the memory
        loss, norm = self._sums.tolist()
        return loss, norm

    def set_rate(self, rate: float | Tensor) -> None:
        """Give the steps to come their learning rate."""
        if self._on_card:
            self._rate.copy_(rate)
        else:
            for group in self._optimiser.param_groups:
                group["lr"] = rate

    def __call__(self, batch: Tensor, mix: Callable[[], Mixture | None]) -> None:
        """Learn from a batch's (B,) rows, mixed as `mix` says, which is asked when their views have been drawn."""
        data, recipe = self._data, self._recipe
        if self._features is None:
            inputs = augment(data.images[batch], recipe.augmentation, data.flip, self.drawing)
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        else:
            inputs = self._features[batch]
        inputs, targets = mixup(inputs, data.targets[batch], mix())
        with computing_in(data.precision, inputs.device):
            logits = self._learned(inputs)
        loss = classification_loss(logits.float(), targets, data.task, recipe.label_smoothing)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._sums += torch.stack([loss.detach(), clip(self._trained)])
        self._optimiser.step()


def clip(parameters: list[nn.Parameter]) -> Tensor:
    """Clip the gradient in place to `LARGEST_NORM`, and return the norm that it had."""
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if norm.device.type != "cpu" or norm > LARGEST_NORM:  # elsewhere the comparison would wait for the device
        nn.utils.clip_grads_with_norm_(parameters, LARGEST_NORM, norm)
    return norm


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The trainable parameters for an optimiser: weight decay on matrices and kernels alone."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def classification_loss(logits: Tensor, targets: Tensor, task: Task, smoothing: float) -> Tensor:
    """Mean cross-entropy of (B, K) logits: softmax, or for "multilabel" binary over the labels that are known."""
    if task == "multilabel":
        known = ~torch.isnan(targets)
        soft = torch.nan_to_num(targets) * (1 - smoothing) + smoothing / 2
        losses = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        return (losses * known).sum() / known.sum().clamp_min(1)
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)
