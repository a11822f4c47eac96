"""Supervised pretraining on several source data sets at once: one shared backbone, one linear head a source.

Every source gives the same number of batches to an epoch, however large it is (balanced sampling), and a share of
its groups is held out to show how well its own task was learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark.results import Task, atomic_path
from benchmark.seeds import int_seed, seed_for
from benchmark.training.augment import augment
from benchmark.training.engine import classification_loss, parameter_groups, predict, seeded, warm_cosine
from benchmark.training.network import Network, Normalise


@dataclass(frozen=True)
class Source:
    """One source data set.

    Attributes:
        name, task, classes, mirror: as in `datasets.contract.Images`.
        images: (N, C, H, W) uint8 on the device.
        labels: (N, K) float32.
        training, validation: rows; no group is in both.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    mirror: bool
    images: Tensor
    labels: npt.NDArray[np.float32]
    training: npt.NDArray[np.intp]
    validation: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how hard to pretrain; `augmentation` is a strength in [0, 1]."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    augmentation: float
    root_seed: int


def pretrain(
    backbone: nn.Module,
    normalise: Normalise,
    sources: tuple[Source, ...],
    schedule: Schedule,
    resume: Path,
    score: Callable[[Source, npt.NDArray[np.float32]], float],
    told: Callable[[int, Mapping[str, float]], None],
) -> list[dict[str, float]]:
    """Train the backbone in place.

    Args:
        backbone: (B, 3, H, W) to (B, F), on the device.
        normalise: what its input needs.
        sources: at least one.
        schedule: the settings.
        resume: written after every epoch, read where it exists: a killed pretraining continues to the same result.
        score: a source and the scores of its validation images, to one number.
        told: called after each epoch with its number, from 1, and the validation score of each source.

    Returns:
        The validation scores of every epoch.
    """
    device = sources[0].images.device
    width = int(backbone.num_features)  # type: ignore[arg-type]
    with seeded(seed_for(schedule.root_seed, "pretrain heads")):
        heads = nn.ModuleList([nn.Linear(width, len(source.classes)) for source in sources])
    model = nn.ModuleDict({"backbone": backbone, "heads": heads}).to(device)
    optimiser = torch.optim.AdamW(parameter_groups(model, schedule.weight_decay), lr=schedule.learning_rate, fused=True)
    batches = max(math.ceil(len(source.training) / schedule.batch_size) for source in sources)
    steps = batches * len(sources) * schedule.epochs
    decay = torch.optim.lr_scheduler.LambdaLR(optimiser, warm_cosine(steps))
    history = _load(resume, model, optimiser, decay)
    for epoch in range(len(history), schedule.epochs):
        seed = seed_for(schedule.root_seed, "pretrain epoch", epoch=epoch)
        generator = torch.Generator().manual_seed(int_seed(seed))
        model.train()
        streams = [_stream(source, batches, schedule.batch_size, generator) for source in sources]
        with seeded(seed.spawn(1)[0]):
            for chosen in zip(*streams, strict=True):
                for source, head, rows in zip(sources, heads, chosen, strict=True):
                    views = augment(source.images[rows], schedule.augmentation, source.mirror, generator)
                    features = backbone(normalise(views).contiguous(memory_format=torch.channels_last))
                    targets = torch.from_numpy(source.labels)[rows].to(device)
                    loss = classification_loss(head(features), targets, source.task, 0.0)
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    decay.step()
        validation = {}
        for source, head in zip(sources, heads, strict=True):
            network = Network(nn.Sequential(normalise, backbone, head))
            validation[source.name] = score(
                source, predict(network, source.images[source.validation], source.task).numpy()
            )
        history.append(validation)
        _save(resume, model, optimiser, decay, history)
        told(epoch + 1, validation)
    return history


def _stream(source: Source, batches: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of rows: the training rows in random order, and again, until every source has given as many."""
    rows = torch.from_numpy(source.training)
    rounds = math.ceil(batches * size / len(rows))
    order = torch.cat([torch.randperm(len(rows), generator=generator) for _ in range(rounds)])
    for batch in range(batches):
        yield rows[order[batch * size : (batch + 1) * size]]


def _save(path: Path, model: nn.Module, optimiser: Any, decay: Any, history: list[dict[str, float]]) -> None:
    with atomic_path(path) as temporary:
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "decay": decay.state_dict(), "history": history}, temporary)


def _load(path: Path, model: nn.Module, optimiser: Any, decay: Any) -> list[dict[str, float]]:
    if not path.exists():
        return []
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    decay.load_state_dict(state["decay"])
    return list(state["history"])
