"""Supervised pretraining on several source data sets at once: one shared backbone, one linear head a source.

Every source gives the same number of batches to an epoch, however large it is (balanced sampling), and a share of
its groups is held out to show how well its own task was learnt.
"""

from __future__ import annotations

import hashlib
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark import metrics
from benchmark.intact import set_aside
from benchmark.results import Task, atomic_path
from benchmark.seeds import int_seed, seed_for
from benchmark.training.augment import augment
from benchmark.training.engine import predict, warm_cosine
from benchmark.training.network import Network, Normalise
from benchmark.training.step import Recipe, classification_loss, parameter_groups
from benchmark.training.streams import seeded
from benchmark.weights.build import feature_width


@dataclass(frozen=True)
class Source:
    """One source data set.

    Attributes:
        name, task, classes, flip: as in `benchmark.images.contract.Images`.
        images: (N, C, H, W) uint8 on the device.
        labels: (N, K) float32.
        training, validation: rows; no group is in both.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    flip: bool
    images: Tensor
    labels: npt.NDArray[np.float32]
    training: npt.NDArray[np.intp]
    validation: npt.NDArray[np.intp]


def train(
    backbone: nn.Module,
    normalise: Normalise,
    sources: tuple[Source, ...],
    recipe: Recipe,
    root_seed: int,
    resume: Path,
    epoch_finished: Callable[[int, Mapping[str, float]], None],
) -> list[dict[str, float]]:
    """Train the backbone in place.

    Args:
        backbone: (B, 3, H, W) to (B, F), on the device.
        normalise: what its input needs.
        sources: at least one.
        recipe: how to fit.
        root_seed: all randomness.
        resume: written after every epoch, read where it exists: a killed pretraining continues to the same result.
        epoch_finished: called after each epoch with its number, from 1, and the validation AUROC of each source.

    Returns:
        The validation AUROC of each source, by its name, for every epoch.
    """
    device = sources[0].images.device
    width = feature_width(backbone)
    with seeded(seed_for(root_seed, "pretrain heads")):
        heads = nn.ModuleList([nn.Linear(width, len(source.classes)) for source in sources])
    model = nn.ModuleDict({"backbone": backbone, "heads": heads}).to(device)
    optimiser = torch.optim.AdamW(parameter_groups(model, recipe.weight_decay), lr=recipe.learning_rate, fused=True)
    batches = max(math.ceil(len(source.training) / recipe.batch_size) for source in sources)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warm_cosine(batches * len(sources) * recipe.epochs))
    history = load_progress(resume, model, optimiser, schedule)
    for epoch in range(len(history), recipe.epochs):
        seed = seed_for(root_seed, "pretrain epoch", epoch=epoch)
        generator = torch.Generator().manual_seed(int_seed(seed))
        model.train()
        streams = [_stream(source, batches, recipe.batch_size, generator) for source in sources]
        with seeded(seed.spawn(1)[0]):
            for rows_of_sources in zip(*streams, strict=True):
                for source, head, rows in zip(sources, heads, rows_of_sources, strict=True):
                    views = augment(source.images[rows], recipe.augmentation, source.flip, generator)
                    features = backbone(normalise(views).contiguous(memory_format=torch.channels_last))
                    targets = torch.from_numpy(source.labels)[rows].to(device)
                    loss = classification_loss(head(features), targets, source.task, recipe.label_smoothing)
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    schedule.step()
        validation = {
            source.name: _validation_auroc(source, Network(nn.Sequential(normalise, backbone, head)))
            for source, head in zip(sources, heads, strict=True)
        }
        history.append(validation)
        save_progress(resume, model, optimiser, schedule, history)
        epoch_finished(epoch + 1, validation)
    return history


def _validation_auroc(source: Source, network: Network) -> float:
    scores = predict(network, source.images[source.validation], source.task).numpy()
    return metrics.find("auroc").value(source.task, source.labels[source.validation], scores)


def _stream(source: Source, batches: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of rows: the training rows in random order, and again, until every source has given as many."""
    rows = torch.from_numpy(source.training)
    rounds = math.ceil(batches * size / len(rows))
    order = torch.cat([torch.randperm(len(rows), generator=generator) for _ in range(rounds)])
    for batch in range(batches):
        yield rows[order[batch * size : (batch + 1) * size]]


def save_progress(path: Path, model: nn.Module, optimiser: Any, schedule: Any, history: list[dict[str, float]]) -> None:
    """Write the state after an epoch, its SHA-256 before it; it appears complete or not at all."""
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
    buffer = io.BytesIO()  # torch's own writer hides that a disk is full
    torch.save({**state, "decay": schedule.state_dict(), "history": history}, buffer)
    content = buffer.getvalue()
    with atomic_path(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def load_progress(path: Path, model: nn.Module, optimiser: Any, schedule: Any) -> list[dict[str, float]]:
    """Take up the state that was saved, where there is one, and return the validation scores of its epochs.

    A damaged file is set aside, and the training begun anew.
    """
    if not path.exists():
        return []
    stored = b"" if path.is_dir() else path.read_bytes()
    length = hashlib.sha256().digest_size
    if hashlib.sha256(stored[length:]).digest() != stored[:length]:
        moved = set_aside(path)
        sys.stderr.write(f"{path} is damaged: set aside as {moved and moved.name}, and the pretraining begun anew\n")
        return []
    state = torch.load(io.BytesIO(stored[length:]), map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["decay"])
    return list(state["history"])
