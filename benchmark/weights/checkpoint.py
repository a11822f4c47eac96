"""Reading weight files without trust, and our own checkpoints: safetensors with a JSON card beside."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.results import atomic_path, read_json, write_json

if TYPE_CHECKING:
    from torch import Tensor

#: Where training scripts put the state dict inside a checkpoint, the averaged weights first.
_NESTED = (
    "state_dict_ema",
    "model_ema",
    "teacher",
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "student",
    "net",
    "backbone",
    "encoder",
)

CARD_KEY = "benchmark"  # of a card in the metadata of a safetensors file
LONGEST_HEADER = 100_000_000  # bytes, as safetensors itself allows

#: What a card must say.
CARD_FIELDS = ("backbone", "trained_on", "mean", "std")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or PyTorch file, on the CPU, by name. Nothing in the file is executed.

    Raises:
        InputError: no file, empty, an HTML page, truncated, a pickle that would run code, or no tensors.
    """
    if not path.is_file():
        raise InputError(f"no weight file at {path}: check the path, or leave --weights out to search for one.")
    with path.open("rb") as file:
        head = file.read(512)
    start = head.lstrip()[:64].lower()
    if not head:
        raise InputError(f"{path} is empty: the download was cut off. Remove it and fetch it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise InputError(
            f"{path} is a web page, not weights: the address led to a login or a notice (Google Drive does "
            "so for large files). Download it in a browser, then give its path."
        )
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is a Git LFS pointer, not weights: run 'git lfs pull', or download the file itself.")
    if head.startswith(b"\x89HDF"):
        raise InputError(f"{path} is a Keras (HDF5) file: use the PyTorch weights of the same source.")
    loaded = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    state = _state_inside(loaded)
    if not state:
        kind = f"a {type(loaded).__name__}" + (
            f" with the keys {', '.join(sorted(map(str, loaded))[:5])}" if isinstance(loaded, Mapping) else ""
        )
        raise InputError(f"{path} holds {kind}, and no state dict: save model.state_dict() and give that.")
    for name, value in state.items():
        odd = _oddity(value)
        if odd:
            raise InputError(
                f"{path}: the tensor '{name}' is {odd}, which no backbone takes: save the model's state dict with "
                "dense, real tensors."
            )
    return state


def save_checkpoint(path: Path, state_dict: Mapping[str, Tensor], card: Mapping[str, Any]) -> str:
    """Write weights as safetensors with their card in it, and as `<name>.json` beside it, complete or not at all.

    Args:
        path: ends in .safetensors.
        state_dict: the backbone's, in timm's names (a classifier may be left in: loading drops it).
        card: what the weights are: ``backbone``, ``trained_on`` (names of data sets), ``mean`` and ``std``
            (3 floats each, for images in [0, 1]), and anything else that JSON can hold (settings, sources,
            validation).

    Returns:
        The file's SHA-256, which the card gets too.

    Raises:
        ValueError: another suffix, or a field missing from the card.
    """
    from safetensors.torch import save

    if path.suffix != ".safetensors":
        raise ValueError(f"a checkpoint's name ends in .safetensors, not {path.name}")
    lacking = [name for name in CARD_FIELDS if name not in card]
    if lacking:
        raise ValueError(f"the card lacks {', '.join(lacking)}")
    # clones: safetensors refuses tensors that share memory, and stored views would drag their base along
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state_dict.items()}
    card_path(path).unlink(missing_ok=True)  # a card never stands beside weights that it does not describe
    with atomic_path(path) as temporary:
        # not save_file, which makes files that their owner alone can read: a cluster's users share theirs
        inside = {CARD_KEY: json.dumps(card, sort_keys=True)}  # alone: of several the order in the file is by chance
        temporary.write_bytes(save(tensors, metadata=inside))
        digest = sha256_of(temporary)
    write_json(card_path(path), {**card, "file": path.name, "sha256": digest})
    return digest


def card_path(path: Path) -> Path:
    """Where the card of a weight file lies: the same name, with the suffix .json."""
    return path.with_suffix(".json")


def read_card(path: Path) -> dict[str, Any] | None:
    """The card beside a weight file; where it is lost or spoilt the one inside a checkpoint of ours, else None.

    Raises:
        InputError: unreadable JSON, not an object, or fields of the wrong kind, and none inside.
    """
    file, inside = card_path(path), card_inside(path)
    try:
        card = read_json(file)
    except (FileNotFoundError, InputError) as error:
        if inside is None and isinstance(error, InputError):
            raise
        return inside
    if inside is not None and not (isinstance(card, dict) and all(name in card for name in CARD_FIELDS)):
        return inside
    return _checked(card, file)


def is_card_lost(path: Path) -> bool:
    """Whether the card inside a checkpoint has to do, as the one beside it is missing or spoilt."""
    inside = card_inside(path)
    return inside is not None and read_card(path) == inside


def card_inside(path: Path) -> dict[str, Any] | None:
    """The card in a checkpoint's own metadata, without the SHA-256 of the file; None where there is none."""
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, LONGEST_HEADER)))
        card = json.loads(header["__metadata__"][CARD_KEY])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # a file of somebody else's, or no safetensors file: who reads its tensors says so
    return card if isinstance(card, dict) else None


def is_intact(path: Path) -> bool:
    """Whether a checkpoint of ours is what was written: by its card's SHA-256, or where that is lost, by reading it."""
    try:
        card = read_card(path)
        if card is not None and "sha256" in card:
            return path.is_file() and bool(card["sha256"] == sha256_of(path))
        return card is not None and bool(read_state(path))
    except InputError:
        return False


def carded_checkpoints(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The safetensors files of a folder that have a card, beside them or inside, by name, each with its card."""
    paths = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    return [(path, card) for path in paths if (card := read_card(path)) is not None]


def _checked(card: object, file: Path) -> dict[str, Any]:
    """What a card's file holds, held against the kinds of its fields."""
    if not isinstance(card, dict):
        raise InputError(f"{file} should hold one JSON object, and holds a {type(card).__name__}.")
    trained_on = card.get("trained_on", [])
    if not isinstance(trained_on, list) or not all(isinstance(name, str) for name in trained_on):
        raise InputError(f"{file}: 'trained_on' should be a list of data-set names.")
    for name in ("mean", "std"):
        if name in card and not _three_floats(card[name], positive=name == "std"):
            raise InputError(f"{file}: '{name}' should be 3 numbers for images in [0, 1], for example [0.5, 0.5, 0.5].")
    return card


def _oddity(value: Tensor) -> str | None:
    """What keeps a tensor from being a weight; None where nothing does."""
    import torch

    if value.is_meta:
        return "on the device 'meta', so without values"
    if value.layout is not torch.strided:
        return f"sparse ({value.layout})"
    if value.is_quantized or value.is_complex():
        return f"of the type {value.dtype}"
    return None


def _three_floats(value: object, *, positive: bool) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(v, int | float) and math.isfinite(v) and (v > 0 or not positive) for v in value)
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole safetensors file ({error}). It is truncated or of another format: "
            "remove it and fetch it again."
        ) from error


def _read_torch(path: Path) -> object:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = str(error)
        with path.open("rb") as file:
            is_pickle = file.read(2)[:1] in (b"\x80", b"P")  # the first byte of a pickle, or of a zip of one
        if is_pickle and "Unsupported" in text:
            raise InputError(
                f"{path} is a pickle that holds more than tensors ({_first_line(text)}). Loading it would run code "
                "from the file, so it is refused. Where you trust it, in an environment apart that has what it names, "
                f"this writes its tensors alone as safetensors; give that file then:\n{conversion_command(path)}"
            ) from error
        raise InputError(f"{path} is no PyTorch file ({_first_line(text)}): {_CUT}") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a whole PyTorch file ({_first_line(str(error))}): {_CUT}") from error


def conversion_command(path: Path) -> str:
    """A shell command that writes the tensors of a trusted pickle as safetensors beside it; it needs torch alone."""
    target = path.with_suffix(".safetensors")
    code = (
        "import torch; from safetensors.torch import save_file; "
        f"c = torch.load({str(path)!r}, map_location='cpu', weights_only=False); "
        "c = c.state_dict() if hasattr(c, 'state_dict') else c; "
        f"s = next((c[k] for k in {_NESTED!r} if k in c), c); "
        "s = s.state_dict() if hasattr(s, 'state_dict') else s; "
        f"save_file({{k: v.contiguous().clone() for k, v in s.items() if torch.is_tensor(v)}}, {str(target)!r})"
    )
    return f"python -c {shlex.quote(code)}"


_CUT = "it is truncated or of another format. Remove it and fetch it again."


def _first_line(text: str) -> str:
    named = re.search(r"GLOBAL (\S+)", text)
    if named:
        return f"it names {named.group(1)}"
    unsupported = (line.strip() for line in text.splitlines() if "Unsupported" in line)
    return next(unsupported, text.strip().partition("\n")[0])[:200] or "no reason given"


def _state_inside(loaded: object) -> dict[str, Tensor]:
    """The state dict in what a file held: at the top, or under a well-known name."""
    import torch

    if not isinstance(loaded, Mapping):
        return {}
    tensors = {str(key): value for key, value in loaded.items() if isinstance(value, torch.Tensor)}
    if len(tensors) > 1:
        return tensors
    for name in _NESTED:
        inner = _state_inside(loaded[name]) if name in loaded else {}
        if inner:
            return inner
    return {}
