"""Aggressive augmentation, batched on the device, the same family for every arm, one searched strength.

All draws are made on the CPU from the given generator, so that a fit sees the same augmentation on any device.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# What strength 1 means.
ROTATION = math.radians(30.0)
SCALE = 0.25
TRANSLATION = 0.15  # of the image's side
BRIGHTNESS = 0.3
CONTRAST = 0.5
NOISE = 0.08
BLUR = 0.5  # probability
ERASE = 0.5  # probability
ERASED = (0.1, 0.4)  # side of the erased rectangle, of the image's side
MIXUP = 0.5  # probability that a batch is mixed
MIXUP_BETA = 0.4  # concentration of Beta(a, a), Zhang et al. 2018


def augment(images: Tensor, strength: float, flip: bool, generator: torch.Generator) -> Tensor:
    """Random views of a batch.

    Args:
        images: (B, C, H, W) uint8.
        strength: 0 gives the images themselves (but for `flip`), 1 the full ranges above.
        flip: whether to flip left-right with probability one half.
        generator: on the CPU; every draw is made from it, in a fixed order.

    Returns:
        (B, C, H, W) float32 in [0, 1].
    """
    batch, device = len(images), images.device
    views = images.float().div_(255.0)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        draws = torch.rand(*(shape or (batch,)), generator=generator)
        return (low + (high - low) * draws).to(device)

    direction = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if flip else torch.ones(batch, device=device)
    if strength <= 0:
        return torch.where(direction.view(-1, 1, 1, 1) < 0, views.flip(3), views)

    views = _affine(
        views,
        angle=uniform(-ROTATION, ROTATION) * strength,
        scale=torch.exp(uniform(-SCALE, SCALE) * strength),
        shift=uniform(-TRANSLATION, TRANSLATION, batch, 2) * 2 * strength,
        direction=direction,
    )
    views = _blur(views, uniform(0, 1) < BLUR * strength)
    column = (-1, 1, 1, 1)
    contrast = torch.exp(uniform(-CONTRAST, CONTRAST) * strength).view(column)
    brightness = (uniform(-BRIGHTNESS, BRIGHTNESS) * strength).view(column)
    mean = views.mean(dim=(1, 2, 3), keepdim=True)
    views = (views - mean) * contrast + mean + brightness
    std = uniform(0, NOISE).view(column) * strength
    noise = torch.randn(views.shape, generator=generator).to(device)
    views = torch.addcmul(views, noise, std).clamp_(0.0, 1.0)
    return _erase(
        views,
        chosen=uniform(0, 1) < ERASE * strength,
        centre=uniform(0, 1, batch, 2),
        size=uniform(*ERASED, batch, 2),
        fill=uniform(0, 1),
    )


def mixup(inputs: Tensor, targets: Tensor, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Convex pairs of a batch and of its targets, with probability ``MIXUP * strength`` (Zhang et al. 2018).

    Args:
        inputs: (B, ...) images, or the features of a frozen trunk, which are mixed where the trunk ends.
        targets: (B, K) in [0, 1]; NaN (label unknown) stays NaN in both partners' mixture.
        strength: in [0, 1].
        generator: on the CPU.
    """
    chosen = torch.rand((), generator=generator).item() < MIXUP * strength
    if not chosen:
        return inputs, targets
    partner = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    gammas = torch._standard_gamma(torch.full((2,), MIXUP_BETA), generator=generator)
    share = float(gammas[0] / gammas.sum().clamp_min(1e-12))
    return torch.lerp(inputs[partner], inputs, share), torch.lerp(targets[partner], targets, share)


def _affine(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, direction: Tensor) -> Tensor:
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [
        torch.stack([cosine * direction, -sine, shift[:, 0]], 1),
        torch.stack([sine * direction, cosine, shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _blur(images: Tensor, chosen: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 2.0, 1.0], device=images.device) / 4.0
    channels = images.shape[1]
    weight = torch.outer(kernel, kernel).expand(channels, 1, 3, 3)
    blurred = F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), weight, groups=channels)
    return torch.where(chosen.view(-1, 1, 1, 1), blurred, images)


def _erase(images: Tensor, chosen: Tensor, centre: Tensor, size: Tensor, fill: Tensor) -> Tensor:
    height, width = images.shape[2:]
    y = (torch.arange(height, device=images.device) + 0.5) / height
    x = (torch.arange(width, device=images.device) + 0.5) / width
    rows = (y - centre[:, :1]).abs() < size[:, :1] / 2
    columns = (x - centre[:, 1:]).abs() < size[:, 1:] / 2
    hole = (rows[:, :, None] & columns[:, None, :] & chosen[:, None, None]).unsqueeze(1)
    return torch.where(hole, fill.view(-1, 1, 1, 1), images)
