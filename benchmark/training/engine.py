"""Fit and predict: the only place where a network is trained, the same for every arm.

AdamW (Loshchilov and Hutter 2019) with a linear warm-up and a cosine decay to zero; no early stopping, so that a
trial's cost is what its parameters say and no validation image steers a fit.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.results import Task
from benchmark.seeds import int_seed
from benchmark.training.augment import augment, mixup
from benchmark.training.features import CHUNK, FrozenFeatures, as_unit, frozen_features
from benchmark.training.network import Network, computing_in
from benchmark.training.streams import Stream

WARM_UP = 0.1  # share of the steps
LARGEST_NORM = 5.0  # the gradient is clipped to it


#: (epoch, its mean training loss, the network as it is).
Watch = Callable[[int, float, Network], None]


class Diverged(ArithmeticError):
    """The loss or a score became NaN or infinite: the trial counts, with the metric's worst value."""


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


def configure(threads: int) -> None:
    """Make this process compute reproducibly: a fixed number of threads, denormal numbers flushed to zero."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # tiny BatchNorm statistics otherwise cost up to ten times the time
    torch.backends.cudnn.benchmark = False
    _keep_memory()


def _keep_memory() -> None:
    """Have the C library keep freed memory: else every large map is new pages, a fault and a clearing for each."""
    mmap_threshold, trim_threshold = -3, -1  # their numbers in malloc.h
    try:
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(mmap_threshold, 32 * 2**20)
        library.mallopt(trim_threshold, 2**30)
    except (OSError, AttributeError):
        pass  # another system's library: slower, and right


def to_device(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """(N, H, W, C) uint8 in memory or on disk to (N, C, H, W) uint8 on the device."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).to(device)


def fit(
    build: Callable[[], Network],
    data: TrainingSet,
    rows: npt.NDArray[np.intp],
    recipe: Recipe,
    seed: np.random.SeedSequence,
    watch: Watch | None = None,
) -> Network:
    """Train a network on some rows of a subsample.

    Args:
        build: makes the network; called under the fit's seed.
        data: the whole subsample, on the device.
        rows: the rows to train on.
        recipe: the shared settings.
        seed: all randomness of this fit.
        watch: told of every finished epoch, the first is 1, with its mean training loss and the network. It may
            `predict`, and changes nothing: the same bits come of a fit without it.

    Raises:
        Diverged: when the loss is not finite.
    """
    *_, network = fitting(build, data, rows, recipe, seed, watch)
    return network


def fitting(
    build: Callable[[], Network],
    data: TrainingSet,
    rows: npt.NDArray[np.intp],
    recipe: Recipe,
    seed: np.random.SeedSequence,
    watch: Watch | None = None,
) -> Iterator[Network]:
    """As `fit`, an epoch at a time: gives the network when it is built, and after every epoch.

    Between two epochs others may be fitted, and draw what they like: the same bits come of it.
    """
    device = data.images.device
    initial, order = seed.spawn(2)
    generator = torch.Generator().manual_seed(int_seed(order))
    drawing = generator if device.type == "cpu" else torch.Generator(device).manual_seed(int_seed(order))
    stream = Stream(initial)
    with stream.resumed():
        network = build()
    learned = network.learned.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    _train_mode(learned)
    move_frozen(network, device)
    groups = parameter_groups(learned, recipe.weight_decay)
    trained = [parameter for group in groups for parameter in group["params"]]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    batches = math.ceil(len(rows) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warm_cosine(batches * recipe.epochs))
    yield network
    for epoch in range(recipe.epochs):
        with stream.resumed():
            features = None
            if network.frozen is not None:
                features = data.features.view(network, recipe.augmentation, epoch, len(rows))
            shuffled = torch.from_numpy(rows)[torch.randperm(len(rows), generator=generator)]
            sums = torch.zeros(2, device=device)  # of losses and gradient norms: read once an epoch, as it takes a wait
            for batch in shuffled.to(device).tensor_split(batches):
                if features is None:
                    inputs = augment(data.images[batch], recipe.augmentation, data.flip, drawing)
                    inputs = inputs.contiguous(memory_format=torch.channels_last)
                else:
                    inputs = features[batch]
                inputs, targets = mixup(inputs, data.targets[batch], recipe.augmentation, generator)
                with computing_in(data.precision, device):
                    logits = learned(inputs)
                loss = classification_loss(logits.float(), targets, data.task, recipe.label_smoothing)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                sums += torch.stack([loss.detach(), _clip(trained)])
                optimiser.step()
                schedule.step()
            del features  # others may need the memory
            total_loss, total_norm = sums.tolist()
            if not math.isfinite(total_loss) or not math.isfinite(total_norm):
                raise Diverged(f"the loss was not finite in epoch {epoch + 1} of {recipe.epochs}")
            if watch is not None:
                watch(epoch + 1, total_loss / batches, network)
                if not learned.training:  # it predicted
                    _train_mode(learned)
        yield network


def move_frozen(network: Network, device: torch.device) -> None:
    """Put a network's frozen parts on a device."""
    if network.frozen is not None:
        network.frozen.to(device)
    if network.below is not None:
        move_frozen(network.below, device)


def _clip(parameters: list[nn.Parameter]) -> Tensor:
    """Clip the gradient in place to `LARGEST_NORM`, and return the norm that it had."""
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if norm.device.type != "cpu" or norm > LARGEST_NORM:  # elsewhere the comparison would wait for the device
        nn.utils.clip_grads_with_norm_(parameters, LARGEST_NORM, norm)
    return norm


@torch.no_grad()
def predict(
    network: Network,
    images: Tensor,
    task: Task,
    *,
    cached: Tensor | None = None,
    precision: str = "float32",
    features: FrozenFeatures | None = None,
) -> Tensor:
    """Probabilities of a trained network.

    Args:
        network: as returned by `fit`.
        images: (N, C, H, W) uint8 on the device.
        task: "multilabel" gives a sigmoid for each label, the others a softmax.
        cached: (N, ...) the frozen part's features of these images, where they are at hand.
        precision: as in `TrainingSet`.
        features: keeps the frozen part's features of these images for another time.

    Returns:
        (N, K) float32 on the CPU.

    Raises:
        Diverged: when a score is not finite (the weights were, but their outputs overflow).
    """
    learned, parts = network.learned.eval(), []
    for chunk in torch.split(images if cached is None else cached, CHUNK):
        inputs = chunk
        if cached is None:
            if network.frozen is None:
                inputs = as_unit(chunk)
            elif features is None:
                inputs = frozen_features(network, chunk, precision)
            else:
                inputs = features.of(network, chunk)
        with computing_in(precision, images.device):
            parts.append(learned(inputs))
    logits = torch.cat(parts)
    scores = logits.double().sigmoid() if task == "multilabel" else logits.double().softmax(dim=1)
    if not torch.isfinite(scores).all():
        raise Diverged("a predicted score was not finite")
    return scores.float().cpu()


def _train_mode(module: nn.Module) -> None:
    """Training mode, except for parts that are frozen: their normalisation keeps the pretrained statistics."""
    module.train()
    for part in module.modules():
        parameters = list(part.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            part.eval()


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The trainable parameters for an optimiser: weight decay on matrices and kernels alone."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def warm_cosine(steps: int) -> Callable[[int], float]:
    """The learning rate's factor at each of `steps` steps: a linear warm-up, then a cosine to zero."""
    warm = max(1, round(WARM_UP * steps))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    return factor


def classification_loss(logits: Tensor, targets: Tensor, task: Task, smoothing: float) -> Tensor:
    """Mean cross-entropy of (B, K) logits: softmax, or for "multilabel" binary over the labels that are known."""
    if task == "multilabel":
        known = ~torch.isnan(targets)
        soft = torch.nan_to_num(targets) * (1 - smoothing) + smoothing / 2
        losses = F.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        return (losses * known).sum() / known.sum().clamp_min(1)
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)
