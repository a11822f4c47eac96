"""Image files: listing, naming by content, and reading any common kind as 8 bit grey or RGB."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
SAMPLED = 4096  # bytes of each file that go into the fingerprint


@dataclass(frozen=True)
class ImageFiles:
    """Reads images by index.

    Attributes:
        paths: one file an image.
        channels: 1 gives (H, W), 3 gives (H, W, 3).
    """

    paths: tuple[Path, ...]
    channels: int

    def __call__(self, index: int) -> npt.NDArray[np.uint8]:
        """One image at its native size; `InputError` names a file that cannot be read."""
        from PIL import Image, ImageOps

        path = self.paths[index]
        try:
            with Image.open(path) as image:
                image.load()
                upright = ImageOps.exif_transpose(image)
                return np.asarray(_eight_bit(upright, self.channels))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(
                f"{path} cannot be read as an image ({error}). It may be truncated or of another format: "
                "replace it, or leave such files out with --skip-bad-images."
            ) from error

    def fingerprint(self, root: Path, extra: str = "") -> str:
        """SHA-256 over every file's name under `root`, its length and its first bytes, and `extra`.

        The first bytes of a compressed image already hold picture content, so that a changed image changes them;
        reading whole files at every start would take minutes on the larger data sets.
        """
        digest = hashlib.sha256(extra.encode())
        for path in self.paths:
            with path.open("rb") as file:
                head = file.read(SAMPLED)
                length = file.seek(0, 2)
            digest.update(f"{path.relative_to(root).as_posix()}\0{length}\0".encode())
            digest.update(head)
        return digest.hexdigest()


def images_in(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by path; hidden files are passed over."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def one_hot(classes: Sequence[int] | npt.NDArray[np.intp], count: int) -> npt.NDArray[np.float32]:
    """(N,) class numbers to (N, count) float32."""
    return np.eye(count, dtype=np.float32)[np.asarray(classes, dtype=np.intp)]


def _eight_bit(image: Image, channels: int) -> Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        from PIL import Image as Module

        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        image = Module.fromarray(np.clip(values / top * 255, 0, 255).round().astype(np.uint8))
    if image.mode in ("P", "PA", "LA", "RGBA", "La", "RGBa"):  # what is transparent lies on black
        rgba = image.convert("RGBA")
        from PIL import Image as Module

        image = Module.alpha_composite(Module.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")
