"""From a weight file to a timm backbone: pooled features out, three channels in, nothing left unmatched."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.weights import keys
from benchmark.weights.build import create, feature_width, on_meta, traits
from benchmark.weights.checkpoint import read_state, sha256_of
from benchmark.weights.sources import IMAGENET_MEAN, IMAGENET_STD, WeightFile, cut_of

if TYPE_CHECKING:
    from torch import Tensor, nn

Triple = tuple[float, float, float]

#: The layouts of keys that loading knows, for the error that finds none of them.
FORMS = (
    "the same network as torchvision, transformers (ViT, DINOv2, DINOv3, SigLIP), open_clip, DINO, MAE, EVA-X, "
    "RadImageNet, torchxrayvision or efficientnet_pytorch name it"
)


def load_backbone(
    backbone: str, weights: WeightFile | None, *, image_size: int | None = None, drop_path_rate: float = 0.0
) -> nn.Module:
    """A timm model without its classifier: images (B, 3, H, W), normalised, to pooled features (B, F).

    One-channel weights become three-channel ones that give a grey image, repeated over RGB, the activations
    it had as one channel. Position embeddings and the tables of windows are interpolated to the size, by timm's own
    functions. With `weights` None the weights are random, from torch's generator, which the caller seeds.

    Args:
        backbone: a timm model name; ``NAME:K`` keeps the stem and the first K stages of an EfficientNet.
        weights: the file to load, or None; a file of the whole network serves a part of it.
        image_size: side of the images in pixels; None = the backbone's own.
        drop_path_rate: stochastic depth, in [0, 1).

    Raises:
        InputError: an unknown backbone, a size that it cannot take, an unreadable file, or a file of another
            architecture.
    """
    import torch

    if weights is None:
        return create(backbone, image_size, drop_path_rate)
    state = _matched(backbone, weights, image_size)
    # the initial values are thrown away: drawing them must not move the caller's generator
    with torch.random.fork_rng(devices=[]):
        model = create(backbone, image_size, drop_path_rate)
    model.load_state_dict(state, strict=True)
    return model


def normalisation(weights: WeightFile | None) -> tuple[Triple, Triple]:
    """Mean and standard deviation of RGB channels for images in [0, 1]: the card's, else the source's.

    Without weights it is ImageNet's: a network from random weights may take any, and this one is customary.
    """
    if weights is None:
        return _triple(IMAGENET_MEAN), _triple(IMAGENET_STD)
    card = weights.card or {}
    mean, std = card.get("mean", weights.source.mean), card.get("std", weights.source.std)
    return _triple(mean), _triple(std)


def _triple(values: Any) -> Triple:
    numbers = [float(value) for value in values]
    if len(numbers) == 1:  # one-channel sources: the same for each repeated channel
        numbers *= 3
    return numbers[0], numbers[1], numbers[2]


@lru_cache(maxsize=2)
def _matched(backbone: str, weights: WeightFile, image_size: int | None) -> Mapping[str, Tensor]:
    """The file's tensors in the model's names and shapes, complete; kept, as every trial loads them anew."""
    if sha256_of(weights.path) != weights.sha256:
        raise InputError(f"{weights.path} was changed while this program ran: start again to use the new file.")
    of = traits(backbone)
    model = on_meta(backbone, **({"img_size": image_size or of.native} if of.sized else {}))
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    raw = _within(read_state(weights.path), backbone, expected)
    named = keys.to_timm(raw)
    classifier = getattr(model, "pretrained_cfg", {}).get("classifier", "")
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    state = _fit(named, expected, names, weights)
    if not _same_shapes(state, expected):  # another layout or grid of patches: timm knows, family by family
        state = _fit(_timm_filter(model, named), expected, names, weights)
    _require_match(backbone, weights, raw, state, expected)
    _require_head(backbone, weights, keys.split_head(named, names)[1], model)
    return state


def _within(state: Mapping[str, Tensor], backbone: str, expected: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The tensors of a file without those of the stages that a cut backbone leaves out, and without the classifier."""
    name, stages = cut_of(backbone)
    if stages is None:
        return state
    beyond = set(on_meta(name).state_dict()) - set(expected)
    body, _ = keys.split_head(keys.to_timm(state), ("classifier",))
    return {key: value for key, value in body.items() if key not in beyond}


def _same_shapes(state: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> bool:
    return {name: tuple(value.shape) for name, value in state.items()} == expected


def _fit(
    state: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    classifier: tuple[str, ...],
    weights: WeightFile,
) -> dict[str, Tensor]:
    """Drop what is not the backbone's, turn the first convolution to RGB, complete counters that old files lack."""
    import torch

    body, _ = keys.split_head(state, classifier)
    # heads and decoders under other names than timm's: only where the backbone has no such parameters itself
    body = {k: v for k, v in body.items() if k in expected or not (keys.is_beside(k) or _adds_nothing(k, v))}
    for name in expected:
        if name.endswith("num_batches_tracked") and name not in body:
            body[name] = torch.zeros((), dtype=torch.long)
    for name, value in body.items():
        if value.ndim == 4 and len(expected.get(name, ())) == 4:
            body[name] = _to_rgb(value, expected[name], weights, first=name == _first_convolution(expected))
    return body


def _adds_nothing(name: str, value: Tensor) -> bool:
    """A bias of zeros: DINOv3 is published with them, and timm's model is without."""
    return name.endswith("bias") and value.is_floating_point() and not bool(value.any())


def _first_convolution(expected: Mapping[str, tuple[int, ...]]) -> str | None:
    return next((name for name, shape in expected.items() if len(shape) == 4), None)


def _to_rgb(value: Tensor, shape: tuple[int, ...], weights: WeightFile, *, first: bool) -> Tensor:
    if not first or shape[1] != 3:
        return value
    if value.shape[1] == 1:
        # three equal channels sum to the grey activation: a third each
        return value.repeat(1, 3, 1, 1) / 3
    order = (weights.card or {}).get("channel_order", weights.source.channel_order)
    if order == "bgr" and value.shape[1] == 3:
        return value.flip(1)
    return value


def _timm_filter(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's own conversion for this model family, if it has one; else the state as it was.

    It would also resample the kernels of other patch sizes, which is another network: these stay as they are, and are
    refused.
    """
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return dict(state)
    try:
        with redirect_stdout(io.StringIO()):  # it prints what it tries
            converted = dict(convert(dict(state), model))
    except (KeyError, AttributeError, IndexError, TypeError, ValueError, RuntimeError, NotImplementedError):
        return dict(state)  # made for another layout: the comparison that follows says what does not match
    for name, value in converted.items():
        if value.ndim == 4 and name in state and state[name].shape[2:] != value.shape[2:]:
            converted[name] = state[name]
    return converted


def _require_match(
    backbone: str,
    weights: WeightFile,
    raw: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    shapes = [
        f"{name} is {_size(state[name].shape)} in the file and {_size(shape)} in the model"
        for name, shape in expected.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    if not (missing or unexpected or shapes):
        return
    details = []
    if missing:
        details.append(f"{len(missing)} tensors missing ({_some(missing)})")
    if unexpected:
        details.append(f"{len(unexpected)} not in the model ({_some(unexpected)})")
    if shapes:
        details.append(f"{len(shapes)} of another shape ({shapes[0]})")
    if len(missing) > len(expected) / 2:  # not this network with a flaw, but another, or another layout
        details.append(
            f"the file has keys such as {_some(list(raw))}; expected are {_some(list(expected))}, or {FORMS}"
        )
    carded = (weights.card or {}).get("backbone")
    named = f"its card says {carded}" if carded else f"its keys look like {keys.describe(raw)}"
    raise InputError(
        f"{weights.path} does not fit {backbone} ({len(expected)} tensors): {named}; {'; '.join(details)}. "
        f"Give a file for {backbone}, or choose the file's backbone with --backbone."
    )


def _require_head(backbone: str, weights: WeightFile, head: Mapping[str, Tensor], model: nn.Module) -> None:
    """A classifier is dropped, but one for other features shows a file put together wrongly."""
    width = feature_width(model)
    for name, value in head.items():
        if value.ndim == 2 and value.shape[1] != width:
            raise InputError(
                f"{weights.path}: its classifier {name} takes {value.shape[1]} features, and {backbone} "
                f"gives {width}: backbone and classifier come from different models. Save the backbone's state "
                "dict alone."
            )


def _size(shape: Any) -> str:
    return "x".join(map(str, shape)) or "a scalar"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
