"""Which families of backbones run, at which sizes of images: every depth of fine-tuning, tried, not promised."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark import methods
from benchmark.methods import fine_tune, scratch
from benchmark.weights import build
from benchmark.weights.find import find
from benchmark.weights.stages import split

if TYPE_CHECKING:
    from benchmark.weights.find import WeightFile

#: The smallest of each family that timm has.
FAMILIES = {
    "ResNet": "resnet10t",
    "EfficientNet": "tf_efficientnet_lite0",
    "MobileNetV3": "mobilenetv3_small_050",
    "ConvNeXt": "convnext_atto",
    "MambaOut": "mambaout_femto",
    "DenseNet": "densenet121",
    "Swin": "swin_tiny_patch4_window7_224",
    "Swin V2": "swinv2_tiny_window8_256",
    "ViT": "vit_tiny_patch16_224",
    "DINOv2": "vit_small_patch14_dinov2",
    "DINOv3": "vit_small_patch16_dinov3",
    "EVA02": "eva02_tiny_patch14_224",
    "EVA-X": "eva_x_tiny_patch16",
}
SMALL = 64
IMAGES, BATCH, CLASSES = 4, 2, 3

_HEAD = f"""# Backbones

Which families run, at {SMALL} px and at the size that they were made for. Made by
`python -m benchmark.weights families`, which writes a file of random weights for the smallest network of each family,
finds and loads it as a run does, and fits and predicts {IMAGES} images at every depth of fine-tuning: `head`, `last`
and `all`. A size that a backbone cannot take is refused before a run starts, with the nearest that it can.

Position embeddings and the tables of windows are interpolated to the size of the images by timm's own functions. The
*trunk* is what `last` leaves frozen; its features are cached, so that a trial costs the last stage alone.
`scratch-same` searches stochastic depth, and dropout where a family has none.

| family | backbone | {SMALL} px | native | trunk | last, of the parameters | `scratch-same` |
|---|---|---|---|---|---|---|
"""


def page(families: Iterable[str] = tuple(FAMILIES)) -> Iterator[str]:
    """The page of docs/backbones.md, line by line as it is made.

    Args:
        families: names in `FAMILIES`.
    """
    yield _HEAD
    for family in families:
        yield row(family) + "\n"


def row(family: str) -> str:
    """A family's row of the table; its backbone is built, loaded, fitted and used, at both sizes."""
    backbone = FAMILIES[family]
    of = build.traits(backbone)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{backbone}.pth"
        _write_random(backbone, file)
        small, native = (_outcome(backbone, size, file) for size in (SMALL, of.native))
    own, _ = scratch.own_for(backbone)
    cells = (family, f"`{backbone}`", small, f"{of.native} px: {native}", *_trunk(backbone), f"`{own.name}`")
    return f"| {' | '.join(cells)} |"


def _trunk(backbone: str) -> tuple[str, str]:
    """What the trunk hands on at the native size, and the share of parameters that the last stage has."""
    import torch

    model = build.on_meta(backbone).eval()
    stages = split(model)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    share = f"{sum(sizes[name] for name in stages.last_parameters) / sum(sizes.values()):.0%}"
    if stages.trunk is None:
        return "not cut: computed anew", share
    native = build.traits(backbone).native
    with torch.inference_mode():
        shape = stages.trunk(torch.empty(1, 3, native, native, device="meta")).shape[1:]
    return f"cached, {' x '.join(map(str, shape))}", share


def _outcome(backbone: str, size: int, file: Path) -> str:
    """``head, last, all`` where a backbone runs; else the sizes that work."""
    sizes = build.working_sizes(backbone, size)
    if sizes != (size,):
        return f"refused; {', '.join(map(str, sizes))} px work"
    weights = find(backbone, "medical", file, image_size=size)
    depths = fine_tune.OWN.choices
    for depth in depths:
        _fit_and_predict(backbone, size, weights, str(depth))
    return ", ".join(f"`{depth}`" for depth in depths)


def _fit_and_predict(backbone: str, size: int, weights: WeightFile, depth: str) -> None:
    import torch

    from benchmark.seeds import rng_for, seed_for
    from benchmark.training.engine import Recipe, TrainingSet, fit, predict
    from benchmark.training.features import FrozenFeatures

    spec = methods.NetworkSpec(backbone, 3, CLASSES, size)
    prepared = fine_tune.prepare(spec, weights)
    rng = rng_for(0, "families")
    images = torch.from_numpy(rng.integers(0, 256, (IMAGES, 3, size, size), dtype=np.uint8))
    targets = torch.eye(CLASSES)[torch.arange(IMAGES) % CLASSES]
    network = fit(
        lambda: fine_tune.build(prepared, spec, {"depth": depth}),
        TrainingSet(images, targets, "multiclass", True, FrozenFeatures(images, True, 0, "families")),
        np.arange(IMAGES),
        Recipe(1e-4, 1e-3, 1, 0.5, 0.1, BATCH),
        seed_for(0, "families"),
    )
    scores = predict(network, images, "multiclass")
    assert scores.shape == (IMAGES, CLASSES) and bool(scores.isfinite().all())


def _write_random(backbone: str, file: Path) -> None:
    """A state dict in timm's names, classifier included, as it is published; layer scales as after training."""
    import timm
    import torch

    from benchmark.seeds import seed_for
    from benchmark.training.streams import seeded

    with seeded(seed_for(0, "families")):
        model = timm.create_model(backbone, pretrained=False, num_classes=CLASSES)
    state = model.state_dict()
    for name, value in state.items():
        if "gamma" in name.rpartition(".")[2]:  # 1e-5 at the start, which hides the blocks
            value.fill_(0.1)
    torch.save(state, file)
