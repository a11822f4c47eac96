"""Image files: listing, naming by content, and reading any common kind as 8 bit grey or RGB."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.images.contents import digests

if TYPE_CHECKING:
    from PIL.Image import Image

DICOM = (".dcm", ".dicom")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", *DICOM)
DEPTHS = (8, 10, 12, 14, 16)  # bits of a pixel that devices use


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
        if path.suffix.lower() in DICOM:
            from benchmark.images import dicom

            return np.asarray(dicom.read(path).convert("L" if self.channels == 1 else "RGB"))
        try:
            with Image.open(path) as image:
                image.load()
                upright = ImageOps.exif_transpose(image)
                return np.asarray(_eight_bit(upright, self.channels))
        except Exception as error:  # Pillow's readers raise many kinds
            raise InputError(
                f"{path} cannot be read as an image ({error}). It may be truncated or of another format: "
                "replace it, or leave such files out with --skip-bad-images."
            ) from error

    def fingerprint(self, folder: Path, extra: str = "", memory: Path | None = None) -> str:
        """SHA-256 over every file's name under `folder` and what it holds, and `extra`.

        Args:
            folder: that names are relative to.
            extra: text that counts too.
            memory: folder where hashes of files are remembered (`LoadOptions.memory`).

        Raises:
            InputError: a file is missing.
        """
        digest = hashlib.sha256(extra.encode())
        prefix = f"{folder}{os.sep}"
        for path, content in zip(map(str, self.paths), digests(self.paths, memory), strict=True):
            name = path.removeprefix(prefix).replace(os.sep, "/")
            digest.update(f"{name}\0{content}\0".encode(errors="surrogateescape"))
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


def to_eight_bit(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Deeper grey values as 8 bit: the range is the smallest usual depth that holds the largest value.

    A 12 bit image in a 16 bit file would otherwise come out almost black. Floats up to 1 span 0 to 1.
    """
    values = np.nan_to_num(values.astype(np.float64))
    values = values - min(0.0, values.min(initial=0))
    largest = values.max(initial=0)
    if largest <= 1 and (values % 1).any():
        top = 1.0
    else:
        top = next((2.0**depth - 1 for depth in DEPTHS if largest < 2.0**depth), largest)
    return np.asarray((values / top * 255).round().astype(np.uint8))


def _eight_bit(image: Image, channels: int) -> Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        from PIL import Image as Module

        image = Module.fromarray(to_eight_bit(np.asarray(image)))
    if image.mode in ("P", "PA", "LA", "RGBA", "La", "RGBa"):  # what is transparent lies on black
        rgba = image.convert("RGBA")
        from PIL import Image as Module

        image = Module.alpha_composite(Module.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")
