"""Linear heads on the same frozen features, fitted side by side: each step is one product of matrices for all of them.

A step of one head takes the library longer to begin than to compute. What a head is given (its first weights, its order
of images, its mixtures) is drawn from its own streams as `engine.fitting` draws them: it is the fit that it would be
alone, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.results import Task
from benchmark.seeds import int_seed
from benchmark.training.augment import mixture
from benchmark.training.engine import Diverged, Watch, move_frozen, warm_cosine
from benchmark.training.network import Head, Network
from benchmark.training.step import LARGEST_NORM, Recipe, TrainingSet
from benchmark.training.streams import seeded

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8  # of AdamW, as torch has them


@dataclass(frozen=True, slots=True)
class HeadFit:
    """One of the fits.

    Attributes:
        rows: to train on.
        seed, watch: as `engine.fit` takes them.
    """

    rows: npt.NDArray[np.intp]
    seed: np.random.SeedSequence
    watch: Watch


@dataclass(frozen=True, slots=True)
class _Epoch:
    """The batches of an epoch: step, head, row of the batch, and then features or classes.

    Attributes:
        inputs: (S, F, B, D + 1) features, mixed, and a one for the bias.
        targets: (S, F, B, K) smoothed.
        weights: (S, F, B, K or 1) of each row's, or label's, part in the loss: 0 where a batch is shorter than others.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor


def only_a_head_learns(network: Network) -> bool:
    """Whether `fit_heads` can fit networks of this kind."""
    return network.frozen is not None and type(network.learned) is Head


def fit_heads(
    build: Callable[[], Network], data: TrainingSet, fits: Sequence[HeadFit], recipe: Recipe
) -> list[Network | Diverged]:
    """Train a head for every one of some sets of rows.

    Args:
        build: makes a network, called once a fit; `only_a_head_learns` is true of it.
        data, recipe: as `engine.fit` takes them.
        fits: what differs.

    Returns:
        Of every fit its network, or how it ended.
    """
    device = data.images.device
    batches = [math.ceil(len(fit.rows) / recipe.batch_size) for fit in fits]
    order = sorted(range(len(fits)), key=lambda place: -batches[place])  # at every step, those that take it come first
    fits, batches = [fits[place] for place in order], [batches[place] for place in order]
    networks, generators = [], []
    for fit in fits:
        initial, drawing = fit.seed.spawn(2)
        generators.append(torch.Generator().manual_seed(int_seed(drawing)))
        with seeded(initial):
            networks.append(build())
        move_frozen(networks[-1], device)
    learned = _stacked(networks, device)
    mean, square = torch.zeros_like(learned), torch.zeros_like(learned)
    ended: list[Network | Diverged] = list(networks)
    for epoch in range(recipe.epochs):
        features = data.features.view(networks[0], recipe.augmentation, epoch, sum(len(fit.rows) for fit in fits))
        batch = _prepared(features, data, fits, generators, batches, recipe)
        scales = _scales(epoch, batches, recipe).to(device)
        logits = torch.zeros_like(batch.targets)
        norms = torch.zeros(len(fits), device=device)
        for step in range(batches[0]):
            heads = sum(count > step for count in batches)
            inputs, weights = batch.inputs[step, :heads], learned[:heads]
            torch.bmm(inputs, weights.mT, out=logits[step, :heads])
            errors = _probabilities(logits[step, :heads], data.task) - batch.targets[step, :heads]
            gradient = torch.bmm(errors.mul_(batch.weights[step, :heads]).mT, inputs)
            norm = torch.linalg.vector_norm(gradient, dim=(1, 2))
            norms[:heads] += norm
            gradient *= (LARGEST_NORM / (norm + 1e-6)).clamp_(max=1.0)[:, None, None]
            decay, root, size = scales[:, step, :heads]
            weights[:, :, :-1] *= decay
            mean[:heads].lerp_(gradient, 1 - MEAN_DECAY)
            square[:heads].mul_(SQUARE_DECAY).addcmul_(gradient, gradient, value=1 - SQUARE_DECAY)
            weights.addcdiv_(mean[:heads] * size, square[:heads].sqrt().mul_(root).add_(EPSILON))
        losses = _losses(logits, batch, data.task)
        for place, (loss, norm_sum) in enumerate(zip(losses.tolist(), norms.tolist(), strict=True)):
            if isinstance(ended[place], Diverged):
                continue
            if not math.isfinite(loss) or not math.isfinite(norm_sum):
                ended[place] = Diverged(f"the loss was not finite in epoch {epoch + 1} of {recipe.epochs}")
            else:
                fits[place].watch(epoch + 1, loss / batches[place], networks[place])
    return [ended[order.index(place)] for place in range(len(fits))]


def _stacked(networks: Sequence[Network], device: torch.device) -> Tensor:
    """(F, K, D + 1) weights and biases, which the networks' heads are views of from now on."""
    heads: list[Any] = [network.learned.to(device) for network in networks]
    learned = torch.stack([torch.cat([head.weight, head.bias[:, None]], 1) for head in heads]).detach()
    for head, weights in zip(heads, learned, strict=True):
        head.weight.data, head.bias.data = weights[:, :-1], weights[:, -1]
    return learned


def _prepared(
    features: Tensor,
    data: TrainingSet,
    fits: Sequence[HeadFit],
    generators: Sequence[torch.Generator],
    batches: Sequence[int],
    recipe: Recipe,
) -> _Epoch:
    """Draw an epoch's order and mixtures of every fit, and lay out its batches."""
    shape = (batches[0], len(fits), max(math.ceil(len(fit.rows) / n) for fit, n in zip(fits, batches, strict=True)))
    rows, partners, counts = np.zeros(shape, int), np.zeros(shape, int), np.zeros(shape[:2], int)
    shares = np.ones(shape[:2], np.float32)
    for place, (fit, generator) in enumerate(zip(fits, generators, strict=True)):
        for step, batch in enumerate(_shuffled(fit.rows, batches[place], generator)):
            counts[step, place] = len(batch)
            rows[step, place, : len(batch)] = batch
            drawn = mixture(len(batch), recipe.augmentation, generator)
            if drawn is not None:
                partners[step, place, : len(batch)] = batch[drawn[0].numpy()]
                shares[step, place] = drawn[1]
    device = features.device
    row, partner, count, share = (torch.from_numpy(a).to(device) for a in (rows, partners, counts, shares))
    with_one = F.pad(features.float(), (0, 1), value=1.0)
    inputs = with_one.index_select(0, row.flatten()).view(*shape, -1)  # faster than by an index of three dimensions
    targets = data.targets[row]
    mixed, share = share < 1, share[share < 1][:, None, None]
    inputs[mixed] = torch.lerp(with_one[partner[mixed]], inputs[mixed], share)
    targets[mixed] = torch.lerp(data.targets[partner[mixed]], targets[mixed], share)
    taken = (torch.arange(shape[2], device=device) < count[:, :, None])[..., None]
    if data.task == "multilabel":
        known = ~torch.isnan(targets) & taken
        weights, values = known / known.sum((2, 3), keepdim=True).clamp_min(1), 2
    else:
        weights, values = taken / count[:, :, None, None].clamp_min(1), targets.shape[-1]
    smoothed = torch.nan_to_num(targets) * (1 - recipe.label_smoothing) + recipe.label_smoothing / values
    return _Epoch(inputs, smoothed, weights)


def _shuffled(rows: npt.NDArray[np.intp], batches: int, generator: torch.Generator) -> Iterator[npt.NDArray[np.intp]]:
    yield from np.array_split(rows[torch.randperm(len(rows), generator=generator).numpy()], batches)


def _probabilities(logits: Tensor, task: Task) -> Tensor:
    return logits.sigmoid() if task == "multilabel" else logits.softmax(-1)


def _losses(logits: Tensor, epoch: _Epoch, task: Task) -> Tensor:
    """(F,) sums of the batches' losses: `engine.classification_loss`."""
    if task == "multilabel":
        losses = F.binary_cross_entropy_with_logits(logits, epoch.targets, reduction="none")
    else:
        losses = -(epoch.targets * logits.log_softmax(-1))
    return (losses * epoch.weights).sum((0, 2, 3))


def _scales(epoch: int, batches: Sequence[int], recipe: Recipe) -> Tensor:
    """(3, S, F, 1, 1): what AdamW multiplies, at every step of every head, weights, roots and means with.

    Loshchilov and Hutter 2019, algorithm 2; biases, which do not decay, are spared the first by the caller.
    """
    scales = np.ones((3, batches[0], len(batches), 1, 1))
    for place, count in enumerate(batches):
        schedule = warm_cosine(count * recipe.epochs)
        for step in range(count):
            done = epoch * count + step
            rate = recipe.learning_rate * schedule(done)
            root = (1 - SQUARE_DECAY ** (done + 1)) ** -0.5
            scales[:, step, place, 0, 0] = 1 - rate * recipe.weight_decay, root, -rate / (1 - MEAN_DECAY ** (done + 1))
    return torch.from_numpy(scales).float()
