"""An arm as data: method x backbone x weights, read from the ``[arms.NAME]`` tables of TOML files.

    [arms.dinov2]
    method   = "fine-tune"                  # a file of benchmark/methods/
    backbone = "vit_small_patch14_dinov2"   # left out: the run's
    weights  = "dinov2-small"               # a role, a known source's name, or a file, from this file's folder
    corpus   = ["LVD-142M"]                 # what trained the weights, for the leak audit; left out: as the source says
    title    = "DINOv2, fine-tuned"         # for people; left out: made of the rest

An empty table takes an arm that is known by its name already.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, unknown_name

#: Of weight files, by which they are told from names.
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".tar", ".ckpt")

NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the compared ways to get a model.

    Attributes:
        name: on the command line, in tables and paths.
        method: how it is fitted: the name of a file of `benchmark.methods`.
        backbone: timm's name of its network, or that of one of the method's own; None = the run's.
        weights: what it starts from: a role ("imagenet", "medical"), the name of a known source, or a file; None =
            random weights.
        corpus: names of what trained the weights; None = as their source says.
        title: one line for people; "" = made of the rest.
    """

    name: str
    method: str
    backbone: str | None = None
    weights: str | None = None
    corpus: tuple[str, ...] | None = None
    title: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for spec.json; of a file its name alone: its content is hashed elsewhere."""
        values = dataclasses.asdict(self)
        if self.weights is not None and is_file_name(self.weights):
            values["weights"] = self.weights.replace("\\", "/").rpartition("/")[2]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Arm:
        """What `as_dict` gave. Raises `TypeError` for other keys."""
        corpus = values.get("corpus")
        return cls(**{**values, "corpus": None if corpus is None else tuple(corpus)})


KEYS = {field.name: str(field.type) for field in dataclasses.fields(Arm) if field.name != "name"}


def is_file_name(weights: str) -> bool:
    """Whether an arm's weights are a file (``SOURCE@FILE`` included), and not a role or a source's name."""
    return weights.endswith(SUFFIXES) or "/" in weights


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """A TOML file's values.

    Raises:
        FileNotFoundError: there is none.
        InputError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"the {kind} {path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, or of a number that is too long
        raise InputError(f"the {kind} {path} is not valid TOML: {error}.") from error


def read_arms(tables: Mapping[str, Any], where: Path) -> dict[str, Arm | None]:
    """The tables under ``arms`` of a file, by name; None for an empty one, which takes a known arm.

    Args:
        tables: name -> table.
        where: the file; weight files are looked for from its folder.

    Raises:
        InputError: an unknown key, with the near miss; a missing method; a value of another type; a bad name.
    """
    return {name: _arm(name, table, where) for name, table in tables.items()}


def _arm(name: str, table: Any, where: Path) -> Arm | None:
    place = f"[arms.{name}] in {where.name}"
    if not NAMES.fullmatch(name):  # it stands in flags, paths and tables
        raise InputError(
            f"{place}: a name is made of letters, digits, '-', '_' and '.', and begins with a letter or digit."
        )
    if not isinstance(table, dict):
        raise InputError(f'{place} is {table!r}, and must be a table, for example {name} = {{ method = "knn" }}.')
    if not table:
        return None
    for key, value in table.items():
        if key not in KEYS:
            raise unknown_name(f"key in {place}", key, KEYS)
        listed = key == "corpus"
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value) if listed else value
        if not fits or not (listed or isinstance(value, str)):
            raise InputError(
                f"'{key}' in {place} is {value!r}, which is not {'a list of texts' if listed else 'a text'}."
            )
    if "method" not in table:
        raise InputError(f'{place} lacks its method. Example: method = "fine-tune"')
    corpus = table.get("corpus")
    return Arm(
        name=name,
        method=table["method"],
        backbone=table.get("backbone"),
        weights=_from_folder(table.get("weights"), where.parent),
        corpus=None if corpus is None else tuple(corpus),
        title=table.get("title", ""),
    )


def _from_folder(weights: str | None, folder: Path) -> str | None:
    """A weight file's path as it is from the folder of the file that names it; other weights as they are."""
    if weights is None or not is_file_name(weights):
        return weights
    source, at, file = weights.rpartition("@")
    return f"{source}{at}{(folder / file).absolute()}"
