"""Aggressive augmentation, batched on the device, the same family for every arm, one searched strength.

Draws are made where the generator is. A generator on the images' device keeps a GPU from waiting for numbers that one
thread of the CPU draws; so the same seed gives other views on a GPU than on the CPU.
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

#: (B,) each image's partner, and the share that it keeps of itself: a tensor where a card is to replay it.
Mixture = tuple[Tensor, float | Tensor]


def augment(images: Tensor, strength: float, flip: bool, generator: torch.Generator) -> Tensor:
    """Random views of a batch.

    Args:
        images: (B, C, H, W) uint8.
        strength: 0 gives the images themselves (but for `flip`), 1 the full ranges above.
        flip: whether to flip left-right with probability one half.
        generator: every draw is made from it, on its device, in a fixed order.

    Returns:
        (B, C, H, W) float32 in [0, 1].
    """
    batch, device = len(images), images.device
    views = images.float().div_(255.0)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        draws = torch.rand(*(shape or (batch,)), generator=generator, device=generator.device)
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
    views = torch.addcmul(mean * (1 - contrast) + brightness, views, contrast)
    std = uniform(0, NOISE).view(column) * strength
    noise = torch.randn(views.shape, generator=generator, device=generator.device).to(device)
    views.addcmul_(noise, std).clamp_(0.0, 1.0)
    return _erase(
        views,
        chosen=uniform(0, 1) < ERASE * strength,
        centre=uniform(0, 1, batch, 2),
        size=uniform(*ERASED, batch, 2),
        fill=uniform(0, 1),
    )


def mixup(inputs: Tensor, targets: Tensor, drawn: Mixture | None) -> tuple[Tensor, Tensor]:
    """Convex pairs of a batch and of its targets (Zhang et al. 2018), or both as they are.

    Args:
        inputs: (B, ...) images, or the features of a frozen trunk, which are mixed where the trunk ends.
        targets: (B, K) in [0, 1]; NaN (label unknown) stays NaN in both partners' mixture.
        drawn: by `mixture`.
    """
    if drawn is None:
        return inputs, targets
    partner, share = drawn[0].to(inputs.device), drawn[1]
    return _between(inputs[partner], inputs, share), _between(targets[partner], targets, share)


def _between(start: Tensor, end: Tensor, share: float | Tensor) -> Tensor:
    if isinstance(share, float):
        return torch.lerp(start, end, share)
    return torch.lerp(start.float(), end.float(), share).to(end.dtype)  # else the share is rounded as they are


def mixture(count: int, strength: float, generator: torch.Generator) -> tuple[Tensor, float] | None:
    """Draw what `mixup` does to a batch, with probability ``MIXUP * strength``; else None.

    Args:
        count: of the batch.
        strength: in [0, 1].
        generator: on the CPU on any device, as a batch asks it for a few numbers alone.
    """
    chosen = torch.rand((), generator=generator).item() < MIXUP * strength
    if not chosen:
        return None
    partner = torch.randperm(count, generator=generator)
    gammas = torch._standard_gamma(torch.full((2,), MIXUP_BETA), generator=generator)
    return partner, float(gammas[0] / gammas.sum().clamp_min(1e-12))


def _affine(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, direction: Tensor) -> Tensor:
    height, width = images.shape[2:]
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    x, y = _centres(width, images.device) * 2 - 1, _centres(height, images.device) * 2 - 1
    by_x = torch.stack([cosine * direction, sine * direction], 1)[:, None, None] * x[:, None]  # (B, 1, W, 2)
    by_y = torch.stack([-sine, cosine], 1)[:, None, None] * y[:, None, None] + shift[:, None, None]  # (B, H, 1, 2)
    return F.grid_sample(images, by_x + by_y, mode="bilinear", padding_mode="border", align_corners=False)


def _blur(images: Tensor, chosen: Tensor) -> Tensor:
    """The mean over a pixel and its neighbours, weighted 1, 2, 1 along both sides, of the chosen images."""
    if images.device.type != "cpu":  # to know which were chosen, a GPU would have to wait
        return torch.where(chosen.view(-1, 1, 1, 1), _smooth(_smooth(images, 2), 3), images)
    rows = chosen.nonzero().flatten()
    return images if len(rows) == 0 else images.index_copy_(0, rows, _smooth(_smooth(images[rows], 2), 3))


def _smooth(images: Tensor, side: int) -> Tensor:
    length = images.shape[side]
    ends = images.narrow(side, 0, 1), images, images.narrow(side, length - 1, 1)
    padded = torch.cat(ends, side)
    total = torch.add(padded.narrow(side, 0, length), padded.narrow(side, 2, length))
    return total.add_(images, alpha=2).mul_(0.25)


def _erase(images: Tensor, chosen: Tensor, centre: Tensor, size: Tensor, fill: Tensor) -> Tensor:
    height, width = images.shape[2:]
    rows = ((_centres(height, images.device) - centre[:, :1]).abs() < size[:, :1] / 2) & chosen[:, None]
    columns = (_centres(width, images.device) - centre[:, 1:]).abs() < size[:, 1:] / 2
    hole = (rows[:, :, None] & columns[:, None, :]).unsqueeze(1)
    return torch.where(hole, fill.view(-1, 1, 1, 1), images)


def _centres(count: int, device: torch.device) -> Tensor:
    """(count,) centres of a side's pixels, the side being [0, 1]."""
    return (torch.arange(count, device=device) + 0.5) / count
