"""One medical pretraining, start to end: read the source data sets, train, save a checkpoint with its card."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.results import path_name

if TYPE_CHECKING:
    import torch

    from benchmark.pretraining.multitask import Source
    from benchmark.training.step import Recipe
    from benchmark.weights.find import WeightFile

THREADS = 2  # fixed, as the sums in a convolution depend on it
VALIDATION = 10  # one in so many groups is held out


@dataclass(frozen=True, slots=True)
class PretrainSpec:
    """The settings that decide a checkpoint.

    Attributes:
        sources: data sets to pretrain on.
        backbone: timm's name.
        start: "imagenet" weights, or "scratch".
        image_size: in pixels.
        epochs: of as many batches as the largest source fills, from every source.
        batch_size, learning_rate, weight_decay, augmentation: as in `benchmark.training.engine.Recipe`.
        root_seed: all randomness.
    """

    sources: tuple[str, ...]
    backbone: str = "resnet50"
    start: str = "imagenet"
    image_size: int = 224
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    augmentation: float = 0.5
    root_seed: int = 0

    @property
    def name(self) -> str:
        """The checkpoint's file name without its suffix: readable, and different for different settings."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        sources = "-".join(self.sources)[-60:]
        return path_name(f"{self.backbone}-{sources}-{self.image_size}px-{digest[:8]}")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and on what to compute: none of it changes the result.

    Attributes:
        data_root: folder of the data sets; None where all sources do without.
        weights: folder of the checkpoints.
        cache: folder of the decoded images.
        device: torch's name.
        imagenet: file of the ImageNet weights to start from; None = search for one.
    """

    data_root: Path | None
    weights: Path
    cache: Path
    device: str = "cpu"
    imagenet: Path | None = None


def pretrain(spec: PretrainSpec, places: Places, target: str | None = None) -> Path:
    """Make the checkpoint, or return it where it has been made.

    Args:
        spec: the settings.
        places: folders and device.
        target: the data set that the checkpoint is for; None = none in particular.

    Raises:
        InputError: a source is the target or shares its images, is missing, or its files are bad; or the backbone
            cannot take the image size.
    """
    path = places.weights / f"{spec.name}.safetensors"
    refuse_target(spec.sources, target)
    if path.exists():
        return path

    import torch

    from benchmark.pretraining.multitask import train
    from benchmark.seeds import seed_for
    from benchmark.training.engine import configure
    from benchmark.training.network import Normalise
    from benchmark.training.quick_layers import quicken
    from benchmark.training.streams import seeded
    from benchmark.weights.build import require_size
    from benchmark.weights.checkpoint import save_checkpoint
    from benchmark.weights.find import find
    from benchmark.weights.load import load_backbone, normalisation

    require_size(spec.backbone, spec.image_size)
    weights = None
    if spec.start == "imagenet":
        weights = find(
            spec.backbone,
            "imagenet",
            override=places.imagenet,
            folder=places.weights,
            image_size=spec.image_size,
        )
    configure(THREADS, places.device)
    device = torch.device(places.device)
    sources = tuple(_source(name, spec, places, device) for name in spec.sources)
    with seeded(seed_for(spec.root_seed, "pretrain backbone")):
        backbone = quicken(load_backbone(spec.backbone, weights, image_size=spec.image_size))
    backbone = backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    normalise = Normalise(*normalisation(weights)).to(device)
    resume = places.weights / f".{spec.name}.resume.pt"

    def report_epoch(epoch: int, scores: Mapping[str, float]) -> None:
        listed = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
        sys.stderr.write(f"pretraining {epoch}/{spec.epochs}: validation AUROC {listed}\n")

    history = train(backbone, normalise, sources, _recipe(spec), spec.root_seed, resume, report_epoch)
    save_checkpoint(path, backbone.state_dict(), _card(spec, weights, sources, history))
    resume.unlink(missing_ok=True)
    return path


def refuse_target(sources: Sequence[str], target: str | None) -> None:
    """Raise `InputError` where a source does not exist, or holds images of the target."""
    from benchmark import datasets
    from benchmark.audit import leaks

    for name in sources:
        datasets.find(name)
    if target is None:
        return
    datasets.find(target)
    shared = sorted({*leaks.share_images(target, sources), *(name for name in sources if name == target)})
    if shared:
        raise InputError(
            f"{', '.join(shared)} holds images of the target '{target}': a checkpoint that has seen them cannot be "
            "compared on them. Leave it out of --sources."
        )


def _source(name: str, spec: PretrainSpec, places: Places, device: torch.device) -> Source:
    import numpy as np

    from benchmark import datasets
    from benchmark.images import decoding, folds
    from benchmark.images.contract import LoadOptions
    from benchmark.pretraining.multitask import Source
    from benchmark.seeds import rng_for
    from benchmark.training.engine import to_device

    options = LoadOptions(image_size=spec.image_size, root_seed=spec.root_seed, memory=places.cache)
    images = datasets.load(name, places.data_root, options)
    decoded = decoding.decoded(images, spec.image_size, places.cache, workers=THREADS, skip_bad=True)
    images, pixels = decoded.images, decoded.pixels
    rows = np.arange(len(images.sample_ids))
    held_out = folds.assign(images, rows, VALIDATION, rng_for(spec.root_seed, "pretrain", source=name)) == 0
    return Source(
        name=name,
        task=images.task,
        classes=images.classes,
        flip=images.flip,
        images=to_device(pixels, device),
        labels=images.labels,
        training=rows[~held_out],
        validation=rows[held_out],
    )


def _recipe(spec: PretrainSpec) -> Recipe:
    from benchmark.training.step import Recipe

    return Recipe(
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        epochs=spec.epochs,
        augmentation=spec.augmentation,
        label_smoothing=0.0,
        batch_size=spec.batch_size,
    )


def _card(
    spec: PretrainSpec, weights: WeightFile | None, sources: Sequence[Source], history: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """What the checkpoint's card says: see `benchmark.weights.checkpoint.save_checkpoint`."""
    from benchmark import datasets
    from benchmark.weights.load import normalisation

    mean, std = normalisation(weights)
    shown = {name: datasets.shown(name) for name in spec.sources}
    named = {} if weights is not None else {"name": f"medical-only ({', '.join(shown.values())})"}
    return {
        **named,
        "role": "medical",
        "backbone": spec.backbone,
        "trained_on": list(dict.fromkeys([*shown.values(), *(weights.trained_on if weights else ())])),
        "mean": list(mean),
        "std": list(std),
        "settings": asdict(spec) | {"sources": list(shown.values())},
        "sources": [
            {
                "name": shown[source.name],
                "classes": list(source.classes),
                "training_images": len(source.training),
                "validation_images": len(source.validation),
            }
            for source in sources
        ],
        "started_from": None if weights is None else {"name": weights.source.name, "sha256": weights.sha256},
        "validation_auroc": [{shown[name]: value for name, value in scores.items()} for scores in history],
    }
