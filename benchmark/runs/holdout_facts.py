"""What a run's folder keeps of its holdout beside the predictions: attributes of the images, and a few pictures."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError
from benchmark.results import (
    ATTRIBUTE_COLUMNS,
    ATTRIBUTES,
    PICTURE_COLUMNS,
    PICTURES,
    write_table,
)

if TYPE_CHECKING:
    from benchmark.images.contract import Images

LONGEST_SIDE = 112  # pixels of a picture
QUALITY = 85  # of its JPEG


def write_attributes(run: Path, data: Mapping[str, Images]) -> None:
    """Write what the data sets tell of their holdouts' images; nothing where they tell nothing.

    Args:
        run: its folder.
        data: data set -> its index.
    """
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "dataset": name,
                "sample_id": images.sample_ids[images.holdout],
                "attribute": attribute,
                "value": values[images.holdout],
            }
        )
        for name, images in data.items()
        for attribute, values in images.attributes.items()
    ]
    if frames:
        write_table(run / ATTRIBUTES, pd.concat(frames, ignore_index=True), ATTRIBUTE_COLUMNS)


def write_pictures(run: Path, data: Mapping[str, Images], wanted: Mapping[str, Collection[str]]) -> None:
    """Write small pictures of some of the holdouts' images, at their native aspect; nothing where none is wanted.

    A data set whose licence forbids that its images are passed on has none: a report is passed on easily. Nor has an
    image that cannot be read any more.

    Args:
        run: its folder.
        data: data set -> its index.
        wanted: data set -> sample ids.
    """
    import pandas as pd

    rows = []
    for name, images in data.items():
        for row in np.flatnonzero(np.isin(images.sample_ids, list(wanted.get(name, ())))) if images.shareable else ():
            with suppress(InputError):
                jpeg = thumbnail(images, int(row))
                rows.append({"dataset": name, "sample_id": str(images.sample_ids[row]), "jpeg": jpeg})
    if rows:
        write_table(run / PICTURES, pd.DataFrame(rows), PICTURE_COLUMNS)


def thumbnail(images: Images, index: int) -> bytes:
    """Image `index` of a data set as a JPEG, its longest side at most `LONGEST_SIDE` pixels; without any metadata."""
    from PIL import Image

    picture = Image.fromarray(images.read(index))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()
