"""timm models without their classifier, built for a size of images; what a model takes is known before it is built."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.weights.sources import cut_of, timm_config

if TYPE_CHECKING:
    from torch import nn

#: Sizes are tried in these steps, in pixels, where a model has no patches to say which.
STEP = 32
#: How many steps up and down.
STEPS = 8


@dataclass(frozen=True, slots=True)
class Traits:
    """What a backbone takes.

    Attributes:
        native: side of the images that it was made for, in pixels.
        sized: whether it is built for one size of images (position embeddings, windows).
        patch: side of its patches in pixels; None where it has none.
        drop_path: whether it has stochastic depth.
    """

    native: int
    sized: bool
    patch: int | None
    drop_path: bool


@lru_cache(maxsize=32)
def traits(backbone: str) -> Traits:
    """What a backbone takes, from the class that timm builds; nothing is computed, drawn or stored.

    Raises:
        InputError: timm does not know the backbone.
    """
    model = on_meta(backbone)
    names = _parameters(type(model))
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    return Traits(
        native=int(timm_config(backbone).input_size[-1]),
        sized="img_size" in names,
        patch=None if patch is None else int(patch[0] if isinstance(patch, tuple) else patch),
        drop_path="drop_path_rate" in names,
    )


def create(backbone: str, image_size: int | None = None, drop_path_rate: float = 0.0) -> nn.Module:
    """A timm model that gives pooled features: images (B, 3, S, S) to (B, F).

    Position embeddings and windows are made for the size, in every family that has them.

    Args:
        backbone: a timm model name; ``NAME:K`` keeps the stem and the first K stages of an EfficientNet.
        image_size: S; None = the backbone's own.
        drop_path_rate: stochastic depth, in [0, 1); 0 is passed on too, as some families have another default.

    Raises:
        InputError: an unknown backbone, a size that it cannot take, or stochastic depth where it has none.
    """
    of = traits(backbone)
    options: dict[str, Any] = {}
    if of.drop_path:
        options["drop_path_rate"] = drop_path_rate
    elif drop_path_rate:
        raise InputError(f"{backbone} does not take drop_path_rate: leave it at 0 for this one.")
    if image_size is not None:
        require_size(backbone, image_size)
    if of.sized:
        options["img_size"] = image_size or of.native
    return _timm(backbone, options)


def feature_width(model: nn.Module) -> int:
    """F, the features that a headless timm model gives an image; not always `num_features` (MobileNetV3, MambaOut)."""
    return int(getattr(model, "head_hidden_size", None) or model.num_features)  # type: ignore[arg-type]


def require_size(backbone: str, image_size: int) -> None:
    """Refuse a size that a backbone cannot take, with the nearest that it can; nothing is computed.

    Raises:
        InputError: the size does not fit, or the backbone gives no feature vector.
    """
    reason = _refusal(backbone, image_size)
    if reason is not None:
        sizes = working_sizes(backbone, image_size)
        remedy = (
            f"Sizes that work: {', '.join(f'{size} px' for size in sizes)}; give one as --image-size, or another "
            "--backbone."
            if sizes
            else "Take another --backbone."
        )
        raise InputError(f"{backbone} cannot take images of {image_size} px: {reason}. {remedy}")


def working_sizes(backbone: str, image_size: int) -> tuple[int, ...]:
    """The nearest working sizes below and above a size, the size itself where it works, and the native one."""
    of = traits(backbone)
    if _refusal(backbone, image_size) is None:
        return (image_size,)
    step = of.patch or STEP
    first = image_size // step * step
    below = (first - step * count for count in range(STEPS) if first > step * count)
    above = (first + step * count for count in range(1, STEPS + 1))
    sizes = {
        next((size for size in candidates if _refusal(backbone, size) is None), None) for candidates in (below, above)
    }
    if _refusal(backbone, of.native) is None:
        sizes.add(of.native)
    return tuple(sorted(size for size in sizes if size is not None))


def on_meta(backbone: str, **options: Any) -> nn.Module:
    """A headless model on the meta device: shapes and names alone, no memory, nothing drawn."""
    import torch

    with torch.device("meta"):
        return _timm(backbone, options)


@lru_cache(maxsize=256)
def _refusal(backbone: str, image_size: int) -> str | None:
    """Why a backbone cannot take a size, or None: found by an empty pass, which checks shapes and computes nothing."""
    import torch

    of = traits(backbone)
    if of.patch is not None and image_size % of.patch:
        return f"its patches of {of.patch} px would leave out the last {image_size % of.patch} px"
    try:
        model = on_meta(backbone, **({"img_size": image_size} if of.sized else {})).eval()
        with torch.inference_mode():
            features = model(torch.empty(1, 3, image_size, image_size, device="meta"))
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError, ZeroDivisionError) as error:
        return str(error).strip().partition("\n")[0][:160].rstrip(".") or type(error).__name__
    shape = tuple(getattr(features, "shape", ()))
    if shape != (1, feature_width(model)):
        return f"it gives features of the shape {shape}, where one vector an image is needed"
    return None


def _parameters(kind: type) -> set[str]:
    """Names of what a class takes; what it passes on to the class above counts."""
    names: set[str] = set()
    for above in kind.__mro__:
        if "__init__" in vars(above):
            parameters = inspect.signature(above.__init__).parameters.values()  # type: ignore[misc]
            names |= {parameter.name for parameter in parameters}
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
                break
    return names


def _timm(backbone: str, options: dict[str, Any]) -> nn.Module:
    import timm

    timm_config(backbone)  # refuses an unknown name before anything is built
    name, stages = cut_of(backbone)
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, in_chans=3, **options)
    if stages is not None:
        _keep_stages(model, backbone, stages)
    return model


def _keep_stages(model: nn.Module, backbone: str, stages: int) -> None:
    """Cut a headless EfficientNet after so many of its stages, in place; what is left is pooled."""
    from timm.models.efficientnet import EfficientNet
    from torch import nn

    if not isinstance(model, EfficientNet):
        raise InputError(f"{backbone}: only networks of timm's EfficientNet family can be cut; leave out ':{stages}'.")
    if stages > len(model.blocks):
        raise InputError(f"{backbone}: the network has {len(model.blocks)} stages.")
    kept: Any = model.blocks[:stages]
    width = kept[-1][-1].feature_info("bottleneck")["num_chs"]
    model.blocks = kept
    model.conv_head, model.bn2 = nn.Identity(), nn.Identity()  # which pruning by timm before 1.0.31 leaves
    model.num_features = model.head_hidden_size = width
    model.reset_classifier(0, "avg")
