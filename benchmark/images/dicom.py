"""Reading one DICOM file as an 8 bit image; needs pydicom, from the extra ``dicom``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image


def read(path: Path) -> Image:
    """The image as a viewer would show it: rescaled, windowed, and bright where the body is dense.

    The window is the file's own, the first where it has several; without one, its lookup table; without either, the
    image's own range.

    Raises:
        InputError: pydicom is not installed, or the file is damaged, has no pixels or several frames.
    """
    try:
        import pydicom
    except ImportError as error:
        raise InputError(
            f"{path} is a DICOM file, which needs pydicom: pip install 'low-data-imaging-benchmark[dicom]'."
        ) from error
    from PIL import Image

    try:
        data = pydicom.dcmread(path)
        pixels = data.pixel_array
        if int(data.get("NumberOfFrames", 1) or 1) > 1:
            raise InputError(f"{path} holds {data.NumberOfFrames} frames: one image a file is expected.")
        if pixels.ndim == 3:
            return Image.fromarray(pixels.astype(np.uint8))  # colour, which pydicom gives as RGB
        return Image.fromarray(_windowed(data, pixels))
    except InputError:
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds
        raise InputError(
            f"{path} cannot be read as DICOM ({error}). It may be truncated, or compressed in a way that "
            "needs pylibjpeg: replace it, or leave such files out with --skip-bad-images."
        ) from error


def _windowed(data: Any, pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    values = np.asarray(apply_modality_lut(pixels, data), dtype=np.float64)
    centre, width = (_first(data.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is not None and width is not None and width > 1:  # PS3.3 C.11.2.1.2
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    else:
        if "VOILUTSequence" in data:
            values = np.asarray(apply_voi_lut(values.astype(pixels.dtype), data), dtype=np.float64)
        low, high = float(values.min()), float(values.max())
    scaled = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    if data.get("PhotometricInterpretation") == "MONOCHROME1":
        scaled = 1 - scaled
    return np.asarray((scaled * 255).round().astype(np.uint8))


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
