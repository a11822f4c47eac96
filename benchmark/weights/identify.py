"""What a weight file is: its SHA-256, its card, and which known source it comes from."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError
from benchmark.weights import keys
from benchmark.weights.checkpoint import card_path, read_card, read_state, sha256_of
from benchmark.weights.sources import KNOWN, Role, WeightFile, WeightSource, source_named, timm_config


def weight_file(path: Path, backbone: str, role: str | None, source: WeightSource | None = None) -> WeightFile:
    """Describe a file.

    Args:
        path: the file.
        backbone: the timm model that it is meant for, whose input scaling an unknown file is given.
        role: ``imagenet`` or ``medical``; that of an unknown file. None = either.
        source: where it comes from; None = the card's ``weight_source``, or recognised by SHA-256, name or
            keys.

    Raises:
        InputError: no such file, not what its card or source says (another SHA-256), or of the other role.
    """
    if not path.is_file():
        raise InputError(f"no weight file at {path}: check the path, or leave --weights out to search.")
    digest, card = sha256_of(path), read_card(path)
    if card is not None and card.get("sha256", digest) != digest:
        raise InputError(
            f"{path} is not the file that its card {card_path(path).name} describes: its SHA-256 begins "
            f"{digest[:12]}, the card says {str(card['sha256'])[:12]}. One of the two was replaced: restore "
            "it, or remove the card."
        )
    if source is None and card is not None and "weight_source" in card:
        source = source_named(str(card["weight_source"]))
    if source is None:
        source = _recognised(path, digest, backbone, role, carded=card is not None)
    elif source.sha256 and not digest.startswith(source.sha256):
        raise InputError(
            f"{path} is not {source.name} as published: its SHA-256 begins {digest[:12]}, expected "
            f"{source.sha256[:12]}. It is truncated or was changed: remove it and fetch it again."
        )
    actual = (card or {}).get("role", source.role)
    if role is not None and actual != role:
        raise InputError(
            f"{path} holds {actual} weights ({source.name}), and was given for the {role} arm: the comparison "
            f"would not be what its name says. Give it as --weights {actual}={path}, or another file."
        )
    return WeightFile(path=path, source=source, sha256=digest, card=card)


def backbone_of(path: Path) -> str | None:
    """The timm backbone that a file is for, by its card, SHA-256 or keys; None where none of them says."""
    card = read_card(path)
    if card is not None and "backbone" in card:
        return str(card["backbone"])
    digest = sha256_of(path)
    for source in KNOWN:
        if source.sha256 and digest.startswith(source.sha256):
            return source.backbone
    return keys.guess_backbone(read_state(path))


def _recognised(path: Path, digest: str, backbone: str, role: str | None, *, carded: bool) -> WeightSource:
    for source in KNOWN:
        if source.sha256 and digest.startswith(source.sha256):
            return source
    if not carded:
        state = keys.strip_prefixes(read_state(path))
        if keys.form_of(state) == "sequential-resnet":
            return source_named("radimagenet")
        named = [source for source in KNOWN if source.file == path.name and source.sha256 is None]
        if len(named) == 1 and keys.input_channels(state) == named[0].in_channels:
            return named[0]
    return _own_or_unknown(path, backbone, role, carded=carded)


def _own_or_unknown(path: Path, backbone: str, role: str | None, *, carded: bool) -> WeightSource:
    cfg = timm_config(backbone)
    named: Role = "medical" if role == "medical" else "imagenet"
    return WeightSource(
        name=path.stem,
        backbone=backbone,
        role=named,
        file=path.name,
        licence="see its card" if carded else "unknown",
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        note="a checkpoint with a card"
        if carded
        else "a file of unknown origin: its training data and input scaling are not known (a card beside it may say)",
    )
