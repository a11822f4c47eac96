"""Networks and images for the weight tests."""

from __future__ import annotations

import torch
from torch import nn

XRV_FILE = "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt"

#: Other summation orders move features by this much.
CLOSE = {"atol": 1e-4, "rtol": 1e-3}


def lived_in(model: nn.Module) -> nn.Module:
    """Give a fresh model unequal norms and statistics, so that a swapped tensor shows."""
    generator = torch.Generator().manual_seed(7)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(0.0, 0.1, generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.8, 1.2, generator=generator)
    return model.eval()


def pooled(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Features that a torchvision ResNet feeds its classifier."""
    body = nn.Sequential(*list(model.children())[:-1])
    with torch.inference_mode():
        return body(images).flatten(1)


def images(count: int = 2, channels: int = 3, size: int = 64) -> torch.Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))
