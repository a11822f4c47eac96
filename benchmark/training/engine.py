"""Fit and predict: the only place where a network is trained, the same for every arm.

AdamW (Loshchilov and Hutter 2019) with a linear warm-up and a cosine decay to zero; no early stopping, so that a
trial's cost is what its parameters say and no validation image steers a fit.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark.results import Task
from benchmark.seeds import int_seed
from benchmark.training.augment import mixture
from benchmark.training.features import CHUNK, FrozenFeatures, as_unit, frozen_features
from benchmark.training.network import Network, computing_in
from benchmark.training.replay import Replayed
from benchmark.training.step import Recipe, Step, TrainingSet
from benchmark.training.streams import Stream

WARM_UP = 0.1  # share of the steps


#: (epoch, its mean training loss, the network as it is).
Watch = Callable[[int, float, Network], None]


class Diverged(ArithmeticError):
    """The loss or a score became NaN or infinite: the trial counts, with the metric's worst value."""


def configure(threads: int, device: str = "cpu") -> None:
    """Make this process compute reproducibly, on this device alone.

    On the CPU: a fixed number of threads, denormal numbers flushed to zero. On a card: of each operation the way whose
    sums have a fixed order, where there is one; torch warns of those that have none.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # tiny BatchNorm statistics otherwise cost up to ten times the time
    torch.backends.cudnn.benchmark = False
    _keep_memory()
    card = torch.device(device)
    if card.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is free to choose
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a pass each
        cuda = torch.backends.cuda
        for allow in (cuda.enable_flash_sdp, cuda.enable_mem_efficient_sdp, cuda.enable_cudnn_sdp):
            allow(False)  # attention whose gradient's sums have no fixed order
        if card.index is not None:
            torch.cuda.set_device(card)  # else the first card is begun as well, and its generators are seeded


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
    step = Step(learned, data, recipe, drawing)
    replayed = Replayed(step) if device.type == "cuda" else None
    count = math.ceil(len(rows) / recipe.batch_size)
    schedule = warm_cosine(count * recipe.epochs)
    yield network
    for epoch in range(recipe.epochs):
        with stream.resumed():
            features = None
            if network.frozen is not None:
                features = data.features.view(network, recipe.augmentation, epoch, len(rows))
            step.begin_epoch(features)
            del features  # others may need the memory
            shuffled = torch.from_numpy(rows)[torch.randperm(len(rows), generator=generator)]
            batches = shuffled.tensor_split(count)
            rates = [recipe.learning_rate * schedule(epoch * count + place) for place in range(count)]
            if replayed is not None:
                mixtures = [mixture(len(batch), recipe.augmentation, generator) for batch in batches]
                replayed.epoch(batches, mixtures, rates)
            else:
                for batch, rate in zip(batches, rates, strict=True):
                    step.set_rate(rate)
                    step(batch, partial(mixture, len(batch), recipe.augmentation, generator))
            total_loss, total_norm = step.end_epoch()
            if not math.isfinite(total_loss) or not math.isfinite(total_norm):
                raise Diverged(f"the loss was not finite in epoch {epoch + 1} of {recipe.epochs}")
            if watch is not None:
                watch(epoch + 1, total_loss / count, network)
                if not learned.training:  # it predicted
                    _train_mode(learned)
        yield network


def move_frozen(network: Network, device: torch.device) -> None:
    """Put a network's frozen parts on a device."""
    if network.frozen is not None:
        network.frozen.to(device)
    if network.below is not None:
        move_frozen(network.below, device)


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


def warm_cosine(steps: int) -> Callable[[int], float]:
    """The learning rate's factor at each of `steps` steps: a linear warm-up, then a cosine to zero."""
    warm = max(1, round(WARM_UP * steps))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    return factor
