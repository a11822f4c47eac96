"""Known weight sources, and timm's own: found by name, by backbone and role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.errors import InputError, unknown_name
from benchmark.weights.contract import (
    HALF,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ROLES,
    UNKNOWN_DATA,
    Role,
    WeightFile,
    WeightSource,
)
from benchmark.weights.known_medical import MEDICAL
from benchmark.weights.known_natural import NATURAL

__all__ = [
    "HALF",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "KNOWN",
    "ROLES",
    "UNKNOWN_DATA",
    "Role",
    "WeightFile",
    "WeightSource",
    "source_for_fetching",
    "source_named",
    "sources_for",
    "timm_config",
    "timm_source",
]

KNOWN: tuple[WeightSource, ...] = (*NATURAL, *MEDICAL)


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

    import benchmark.weights.own_backbones  # noqa: F401  (registers them)

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
        input_size=cfg.input_size[-1],
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

    import benchmark.weights.own_backbones  # noqa: F401  (registers them)

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
