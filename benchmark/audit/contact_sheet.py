"""A sheet of samples of a data set: each class a row, as they are and as training sees them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark import datasets
from benchmark.images.contract import Images, LoadOptions
from benchmark.images.decoding import resized
from benchmark.seeds import int_seed, rng_for, seed_for

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLES = 8  # of each class, each of another group
MARGIN = 4
LARGE = 112  # pixels that a tile has at least
HEADING = 16


def sheet(name: str, data_root: Path | None, options: LoadOptions, strength: float) -> Image:
    """Samples of the pool by class; below each row the same images after augmentation.

    Args:
        name: the data set.
        data_root: the data sets' folder, or None for the environment's.
        options: working size, holdout, root seed.
        strength: of the augmentation, in [0, 1].
    """
    from PIL import Image, ImageDraw

    images = datasets.load(name, datasets.data_root(data_root), options)
    size, rng = options.image_size, rng_for(options.root_seed, "show", dataset=images.dataset)
    zoom = -(-LARGE // size)
    step = size * zoom + MARGIN
    rows = [*images.classes, *(["none of them"] if images.task == "multilabel" else [])]
    paper = Image.new("RGB", (SAMPLES * step + MARGIN, len(rows) * (2 * step + HEADING) + MARGIN), "white")
    pen = ImageDraw.Draw(paper)
    for k, label in enumerate(rows):
        chosen = _samples(images, k, rng)
        top = k * (2 * step + HEADING) + MARGIN
        pen.text((MARGIN, top), f"{label}: {len(chosen)} images of the pool; below, augmented", fill="black")
        plain = [resized(images.read(int(row)), size) for row in chosen]
        for line, pictures in enumerate((plain, _augmented(plain, images, strength, k))):
            for column, pixels in enumerate(pictures):
                tile = Image.fromarray(pixels.squeeze()).convert("RGB").resize((size * zoom, size * zoom), 0)
                paper.paste(tile, (MARGIN + column * step, top + HEADING + line * step))
    return paper


def _samples(images: Images, k: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    known = images.labels > 0.5
    member = known[:, k] if k < len(images.classes) else ~known.any(1)
    rows = rng.permutation(np.flatnonzero(member & images.pool))
    first = np.unique(images.group_numbers[rows], return_index=True)[1]
    return rows[np.sort(first)][:SAMPLES]


def _augmented(
    plain: list[npt.NDArray[np.uint8]], images: Images, strength: float, row: int
) -> list[npt.NDArray[np.uint8]]:
    if not plain:
        return []
    import torch

    from benchmark.training.augment import augment

    generator = torch.Generator().manual_seed(int_seed(seed_for(0, "show augmentation", row=row)))
    batch = torch.from_numpy(np.stack(plain)).permute(0, 3, 1, 2)
    views = augment(batch, strength, images.flip, generator).permute(0, 2, 3, 1)
    return list((views.numpy() * 255).round().astype(np.uint8))
