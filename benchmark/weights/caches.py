"""What pip and other libraries have already brought to this machine."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.weights.sources import WeightSource

#: File names under which the Hugging Face hub keeps timm's weights, the preferred first.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")

#: File name of a piece of weights in its package.
PIECE = "part.bin"


def locate_source(source: WeightSource, folder: Path) -> Path | None:
    """Where a source's file lies on this machine: in the weights folder, else in the caches."""
    if source.file and (folder / source.file).is_file():
        return folder / source.file
    return in_caches(source)


def in_caches(source: WeightSource) -> Path | None:
    """Where a source's file lies: its package, torch's, torchxrayvision's or the Hugging Face cache."""
    if source.shards:
        return None  # in pieces, which fetching joins in the weights folder
    if source.package is not None:
        return _in_package(source.package, source.file)
    if source.file is not None and source.url is not None:
        for folder in (_torch_hub(), Path.home() / ".torchxrayvision" / "models_data"):
            if (folder / source.file).is_file():
                return folder / source.file
    return None if source.hub_id is None else _in_hub_cache(source.hub_id, hub_files(source))


def pieces(source: WeightSource) -> list[Path] | None:
    """The pieces of a source's file that packages carry, in order; None where one is missing, or it has none."""
    located = [_in_package(package, PIECE) for package in source.shards]
    return [path for path in located if path is not None] if located and None not in located else None


def hub_files(source: WeightSource) -> tuple[str, ...]:
    """Under which names the hub may keep a source's file."""
    return HUB_FILES if source.hub_file is None else (source.hub_file,)


def offline() -> bool:
    """Whether the user has forbidden the network by `HF_HUB_OFFLINE`."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}


def _torch_hub() -> Path:
    # as torch.hub.get_dir() has it, without importing torch
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser() / "hub" / "checkpoints"


def _in_hub_cache(hub_id: str, names: tuple[str, ...]) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        cached = try_to_load_from_cache(hub_id, name)
        if isinstance(cached, str):
            return Path(cached)
    return None


def _in_package(package: str, name: str | None) -> Path | None:
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files(package) or []
    except PackageNotFoundError:
        return None
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == name and path.is_file():
            return path
    return None
