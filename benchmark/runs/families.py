"""Which families of backbones run, at which sizes of images: every method and depth, tried, not promised."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark import methods
from benchmark.methods import Value, fine_tune, knn, linear_probe, lora, scratch
from benchmark.weights import build
from benchmark.weights.find import find
from benchmark.weights.stages import split

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.methods._pretrained import Pretrained
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

_LORA = ", ".join(f"`{value}`" for value in lora.OWN.choices)
_HEAD = f"""# Backbones

Which families run, at {SMALL} px and at the size that they were made for. Made by
`python -m benchmark.weights families`, which writes a file of random weights for the smallest network of each family,
finds and loads it as a run does, and fits and predicts {IMAGES} images at every depth of fine-tuning (`head`, `last`
and `all`) and by every other method that starts from weights. A size that a backbone cannot take is refused before a
run starts, whatever the method, with the nearest that it can.

Position embeddings and the tables of windows are interpolated to the size of the images by timm's own functions. The
*trunk* is what `last` leaves frozen; its features are cached, so that a trial costs the last stage alone.
`linear-probe` and `knn` are tried on the features of both depths, pooled in both ways; the table says how many these
are. `lora` is tried with {_LORA}; in brackets stands how many layers have adapters then, which is not all
of them where a layer is too thin for such a rank. `scratch-same` searches stochastic depth, and dropout where a family
has none.

| family | backbone | {SMALL} px | native | probe, neighbours, LoRA | trunk | last, of the parameters | `scratch-same` |
|---|---|---|---|---|---|---|---|
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
        outcomes = {size: _outcome(backbone, size, file) for size in (SMALL, of.native)}
    own, _ = scratch.own_for(backbone)
    depths = (outcomes[SMALL].depths, f"{of.native} px: {outcomes[of.native].depths}")
    cells = (family, f"`{backbone}`", *depths, _by_size(outcomes), *_trunk(backbone), f"`{own.name}`")
    return f"| {' | '.join(cells)} |"


def _by_size(outcomes: Mapping[int, _Outcome]) -> str:
    """What the other methods came to, said once where it is the same at both sizes."""
    by_text: dict[str, list[str]] = {}
    for size, outcome in outcomes.items():
        if outcome.others:
            by_text.setdefault(outcome.others, []).append(f"{size} px")
    return "; ".join(f"{' and '.join(sizes)}: {text}" for text, sizes in by_text.items())


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


@dataclass(frozen=True)
class _Outcome:
    """What was tried at one size: depths of fine-tuning, or the sizes that work; and the other methods."""

    depths: str
    others: str = ""


def _outcome(backbone: str, size: int, file: Path) -> _Outcome:
    """Try every method that starts from weights; of a size that is refused, the sizes that work."""
    sizes = build.working_sizes(backbone, size)
    if sizes != (size,):
        return _Outcome(f"refused; {', '.join(map(str, sizes))} px work")
    weights = find(backbone, "medical", file, image_size=size)
    spec = methods.NetworkSpec(backbone, 3, CLASSES, size)
    loaded = fine_tune.prepare(spec, weights)  # what lora prepares, too
    for depth in fine_tune.OWN.choices:
        _fit_and_predict(fine_tune.NAME, spec, loaded, depth)
    adapted = [_fit_and_predict(lora.NAME, spec, loaded, adapters) for adapters in lora.OWN.choices]
    probes = (linear_probe.NAME, knn.NAME)
    width = _classify(probes, spec, weights)
    return _Outcome(
        ", ".join(f"`{depth}`" for depth in fine_tune.OWN.choices),
        f"{', '.join(f'`{name}`' for name in probes)} of {width:,} features, "
        f"`{lora.NAME}` ({', '.join(map(str, adapted))})",
    )


def _images(size: int) -> tuple[Tensor, Tensor]:
    """Noise, and a class for each image."""
    import torch

    from benchmark.seeds import rng_for

    noise = rng_for(0, "families").integers(0, 256, (IMAGES, 3, size, size), dtype=np.uint8)
    return torch.from_numpy(noise), torch.eye(CLASSES)[torch.arange(IMAGES) % CLASSES]


def _fit_and_predict(name: str, spec: methods.NetworkSpec, loaded: Pretrained, own: Value) -> int:
    """Fit with one value of a method's own dimension, and use the network; the number of its adapted layers."""
    from benchmark.seeds import seed_for
    from benchmark.training.engine import fit, predict
    from benchmark.training.features import FrozenFeatures
    from benchmark.training.low_rank import LowRank
    from benchmark.training.step import Recipe, TrainingSet

    method = methods.trained(methods.find(name))
    images, targets = _images(int(spec.image_size or 0))
    network = fit(
        lambda: method.build(loaded, spec, {method.OWN.name: own}),
        TrainingSet(images, targets, "multiclass", True, FrozenFeatures(images, True, 0, "families")),
        np.arange(IMAGES),
        Recipe(1e-4, 1e-3, 1, 0.5, 0.1, BATCH),
        seed_for(0, "families"),
    )
    scores = predict(network, images, "multiclass")
    assert scores.shape == (IMAGES, CLASSES) and bool(scores.isfinite().all())
    return sum(isinstance(part, LowRank) for part in network.learned.modules())


def _classify(probes: Sequence[str], spec: methods.NetworkSpec, weights: WeightFile) -> int:
    """Fit classifiers to features of both depths, pooled in both ways, and use them; the number of features."""
    from benchmark.training.features import frozen_features

    fitted = [methods.fitted(methods.find(name)) for name in probes]
    prepared = fitted[0].prepare(spec, weights)
    images, targets = _images(int(spec.image_size or 0))
    features = frozen_features(prepared.network, images).double().numpy()
    for method in fitted:
        scores = method.fit(features, targets.double().numpy(), "multiclass", method.DEFAULTS)(features)
        assert scores.shape == (IMAGES, CLASSES) and bool(np.isfinite(scores).all())
    return int(features.shape[1])


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
