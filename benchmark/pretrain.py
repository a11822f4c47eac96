"""Medical pretraining: one checkpoint from several source data sets, for the arm `medical`.

    python -m benchmark.pretrain --sources brain-mri,nih --target chest-xray --data-root DATA

Each source is a task of its own with its own head; a tenth of its patients is held out and scored after each epoch.
The backbone is saved as safetensors, with a JSON card beside it that names sources, settings and scores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.command_line import add_data_root, comma_list, device_name, run_command
from benchmark.errors import InputError

if TYPE_CHECKING:
    from benchmark.pretraining.multitask import Source

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
        epochs, batch_size, learning_rate, weight_decay, augmentation: the schedule.
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
        sources = "".join(letter if letter.isalnum() else "-" for letter in "-".join(self.sources))
        return f"{self.backbone}-{sources[-60:]}-{self.image_size}px-{digest[:8]}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, and on what to compute: none of it changes the result."""

    data_root: Path | None
    weights: Path
    cache: Path
    device: str = "cpu"
    imagenet: Path | None = None


def pretrain(spec: PretrainSpec, places: Places, target: str | None = None) -> Path:
    """Make the checkpoint, or return it where it has been made.

    Raises:
        InputError: a source is the target or shares its images, is missing, or its files are bad.
    """
    path = places.weights / f"{spec.name}.safetensors"
    _refuse_target(spec.sources, target)
    if path.exists():
        return path

    import torch
    from studies.scoring import validation_score

    from benchmark.pretraining.multitask import Schedule
    from benchmark.pretraining.multitask import pretrain as train
    from benchmark.seeds import seed_for
    from benchmark.training.engine import configure, seeded
    from benchmark.training.network import Normalise
    from benchmark.training.tiny_maps import hasten
    from benchmark.weights.find import find
    from benchmark.weights.load import load_backbone, normalisation, save_checkpoint

    weights = None
    if spec.start == "imagenet":
        weights = find(spec.backbone, "imagenet", override=places.imagenet, folder=places.weights)
    configure(THREADS)
    device = torch.device(places.device)
    sources = tuple(_source(name, spec, places, device) for name in spec.sources)
    with seeded(seed_for(spec.root_seed, "pretrain backbone")):
        backbone = hasten(load_backbone(spec.backbone, weights))
    backbone = backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean, deviation = normalisation(weights)
    schedule = Schedule(
        spec.epochs, spec.batch_size, spec.learning_rate, spec.weight_decay, spec.augmentation, spec.root_seed
    )
    resume = places.weights / f".{spec.name}.resume.pt"
    history = train(
        backbone,
        Normalise(mean, deviation).to(device),
        sources,
        schedule,
        resume,
        score=lambda source, scores: validation_score("auroc", source.task, source.labels[source.validation], scores),
        told=lambda epoch, scores: _tell(spec, epoch, scores),
    )
    card = {
        "role": "medical",
        "backbone": spec.backbone,
        "trained_on": list(dict.fromkeys([*spec.sources, *(weights.trained_on if weights else ())])),
        "mean": list(mean),
        "std": list(deviation),
        "settings": asdict(spec),
        "sources": [_described(source) for source in sources],
        "started_from": None if weights is None else {"name": weights.source.name, "sha256": weights.sha256},
        "validation_auroc": history,
    }
    save_checkpoint(path, backbone.state_dict(), card)
    resume.unlink(missing_ok=True)
    return path


def _refuse_target(sources: Sequence[str], target: str | None) -> None:
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


def _source(name: str, spec: PretrainSpec, places: Places, device: Any) -> Source:
    import numpy as np

    from benchmark import datasets
    from benchmark.images import decoding, folds
    from benchmark.images.contract import LoadOptions
    from benchmark.pretraining.multitask import Source
    from benchmark.seeds import rng_for
    from benchmark.training.engine import to_device

    options = LoadOptions(image_size=spec.image_size, root_seed=spec.root_seed)
    images = datasets.load(name, places.data_root, options)
    decoded = decoding.decoded(images, spec.image_size, places.cache, workers=THREADS, skip_bad=True)
    images, pixels = decoded.images, decoded.pixels
    rows = np.arange(len(images.sample_ids))
    held_out = folds.assign(images, rows, VALIDATION, rng_for(spec.root_seed, "pretrain", source=name)) == 0
    return Source(
        name=name,
        task=images.task,
        classes=images.classes,
        mirror=images.mirror,
        images=to_device(pixels, device),
        labels=images.labels,
        training=rows[~held_out],
        validation=rows[held_out],
    )


def _described(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "classes": list(source.classes),
        "training_images": len(source.training),
        "validation_images": len(source.validation),
    }


def _tell(spec: PretrainSpec, epoch: int, scores: Any) -> None:
    said = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    sys.stderr.write(f"pretraining {epoch}/{spec.epochs}: validation AUROC {said}\n")


def _parser() -> argparse.ArgumentParser:
    defaults = PretrainSpec(sources=())
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.pretrain",
        description="Pretrain the shared backbone on medical source data sets, for the arm 'medical'.",
    )
    parser.add_argument("--sources", type=comma_list, required=True, help="data sets, by name: brain-mri,nih")
    parser.add_argument("--target", help="the data set that the checkpoint is for: refused as a source")
    parser.add_argument("--backbone", default=defaults.backbone, help="timm's name (default: %(default)s)")
    parser.add_argument("--start", choices=("imagenet", "scratch"), default=defaults.start)
    parser.add_argument("--image-size", type=int, default=defaults.image_size, metavar="PX")
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--seed", type=int, default=defaults.root_seed)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("mlruns/weights"), help="folder (default: %(default)s)")
    add_data_root(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = _parser().parse_args(argv)

    def work() -> int:
        from benchmark import datasets

        spec = PretrainSpec(
            sources=flags.sources,
            backbone=flags.backbone,
            start=flags.start,
            image_size=flags.image_size,
            epochs=flags.epochs,
            batch_size=flags.batch_size,
            root_seed=flags.seed,
        )
        places = Places(
            data_root=datasets.data_root(flags.data_root),
            weights=flags.out,
            cache=flags.out.parent / "cache",
            device=device_name(flags.device),
        )
        path = pretrain(spec, places, flags.target)
        sys.stdout.write(f"{path}\n{path.with_suffix('.json')}\n")
        return 0

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
