"""A trial run of a loaded backbone: weights that fit by name may still be noise, zeros or wrongly scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from benchmark.weights.sources import WeightFile

#: Least spread of features between unlike images, relative to their size. Trained and random weights alike give 0.4
#: to 0.9; a dead or saturated network gives 0.
LEAST_SPREAD = 1e-3

#: Greatest share of features that no image moves.
MOST_CONSTANT = 0.95


#: Side of the images of a trial run that is for no size in particular: small, so that it is quick.
SIZE = 64


@dataclass(frozen=True, slots=True)
class Sanity:
    """What the trial run showed.

    Attributes:
        features: features an image gives.
        spread: SD of the features between images over their root mean square, at least 0.
        constant: share of features that were the same for all images, in [0, 1].
    """

    features: int
    spread: float
    constant: float


def try_out(backbone: str, weights: WeightFile, image_size: int | None = None) -> Sanity:
    """Load a file and run a few images through it.

    Args:
        backbone: a timm model name.
        weights: the file.
        image_size: side of the images, in pixels, for backbones that are built for a size; None, and for others: the
            smallest near `SIZE` that the backbone can take.

    Raises:
        InputError: the file does not fit, or gives nothing that tells images apart.
    """
    from benchmark.weights.build import traits, working_sizes
    from benchmark.weights.load import load_backbone, normalisation

    size = image_size if traits(backbone).sized else None
    size = size or min(working_sizes(backbone, SIZE), default=SIZE)
    model = load_backbone(backbone, weights, image_size=size)
    return examine(model, *normalisation(weights), name=str(weights.path), image_size=size)


def examine(
    backbone: nn.Module,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    *,
    name: str,
    image_size: int = SIZE,
) -> Sanity:
    """Run eight plain synthetic images through a headless backbone, in evaluation mode, on the CPU.

    Args:
        backbone: images (B, 3, H, W) to features (B, F).
        mean, std: the normalisation for images in [0, 1].
        name: of the weights, for the error.
        image_size: side of the images, in pixels; the size that the backbone was built for.

    Raises:
        InputError: features that are not finite, or hardly differ between images.
    """
    import torch

    images = (synthetic_images(image_size) - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    training = backbone.training
    backbone.eval()
    try:
        with torch.inference_mode():
            features = backbone(torch.from_numpy(images.astype(np.float32))).double().numpy()
    finally:
        backbone.train(training)
    if not np.isfinite(features).all():
        raise InputError(
            f"{name} gives features that are not finite: the file is damaged, or its training diverged. "
            "Fetch or make it again."
        )
    between = features.std(axis=0)
    size_of = float(np.sqrt(np.mean(features**2)))
    spread = float(np.sqrt(np.mean(between**2))) / size_of if size_of > 0 else 0.0
    constant = float(np.mean(between <= 1e-6 * max(size_of, 1e-30)))
    if spread < LEAST_SPREAD or constant > MOST_CONSTANT:
        raise InputError(
            f"{name} hardly tells images apart (spread {spread:.2g}, {constant:.0%} of features constant): "
            "the weights are damaged, or belong to another input scaling. Fetch them again, or say the "
            "scaling in a card."
        )
    return Sanity(features=features.shape[1], spread=spread, constant=constant)


def synthetic_images(size: int) -> NDArray[np.float64]:
    """Eight images (8, 3, size, size) in [0, 1]: flat, ramps, disc, stripes, checks, noise; one in colour."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1)
    noise = np.random.default_rng(0).random((size, size))
    disc = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1).astype(float)
    stripes = (np.sin(x * 40) > 0).astype(float)
    checks = ((x * 8).astype(int) + (y * 8).astype(int)) % 2
    planes = [np.full_like(x, 0.5), x, y, disc, stripes, checks.astype(float), noise]
    grey = [np.stack([plane] * 3) for plane in planes]
    return np.stack([*grey, np.stack([x, y, disc])])
