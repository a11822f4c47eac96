"""Parts that are frozen and only evaluated, made quick: normalisations folded into convolutions, weights cast once."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

PROBE = 64  # side of the images that show what follows on what
TOLERANCE = 1e-3  # of the largest feature: more is no rounding but another function


@torch.no_grad()
def folded(model: nn.Module) -> nn.Module:
    """A copy of a model whose normalisations, where they take a convolution's output, are in its kernel and bias.

    Which takes which is seen on a random image, and so is that the copy computes what the model does: a model that
    uses an output twice, or that does not take images of `PROBE` pixels, is copied as it is.

    Args:
        model: images (B, 3, H, W) to a tensor; it is evaluated, and left as it was.
    """
    plain = copy.deepcopy(model).eval()
    norms = [part for part in plain.modules() if isinstance(part, nn.BatchNorm2d)]
    if not norms:
        return plain
    images = torch.randn(2, 3, PROBE, PROBE, generator=torch.Generator().manual_seed(0))
    images = images.contiguous(memory_format=torch.channels_last)
    result = copy.deepcopy(plain)
    try:
        pairs = _pairs(result, images)
        expected: Tensor = plain(images)
        for convolution, name in pairs.items():
            _fold(convolution, result, name)
        computed: Tensor = result(images)
    except (RuntimeError, AssertionError, ValueError):  # another size is wanted
        return plain
    same = expected.shape == computed.shape and (expected - computed).abs().max() <= TOLERANCE * expected.abs().max()
    return result if same else plain


@torch.no_grad()
def cast_once(model: nn.Module, size: int) -> nn.Module:
    """A model for autocast whose kernels and matrices are bfloat16 already: else they are cast for every batch.

    That both give the same bits is seen on a random image; a model that does more with a weight than to pass it on is
    given back as it is.

    Args:
        model: images (B, 3, H, W) to a tensor; it is evaluated, and left as it was.
        size: side of images that it takes, in pixels.
    """
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = images.contiguous(memory_format=torch.channels_last)
    result = copy.deepcopy(model).eval()
    with torch.autocast("cpu", torch.bfloat16):
        expected: Tensor = result(images)
        for part in result.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                part.bfloat16()
        try:
            return result if torch.equal(expected, result(images)) else model
        except RuntimeError:  # a weight meets what was not cast
            return model


def _pairs(model: nn.Module, images: Tensor) -> dict[nn.Conv2d, str]:
    """Convolution -> name of the normalisation that takes its output."""
    makers: dict[int, nn.Conv2d] = {}
    kept: list[Tensor] = []  # alive, so that no two outputs have the same id
    pairs: dict[nn.Conv2d, str] = {}
    calls: list[nn.Module] = []

    def made(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(part, nn.Conv2d)
        makers[id(output)] = part
        kept.append(output)
        calls.append(part)

    handles = [part.register_forward_hook(made) for part in model.modules() if isinstance(part, nn.Conv2d)]
    for name, part in model.named_modules():
        if isinstance(part, nn.BatchNorm2d):

            def taken(part: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                calls.append(part)
                maker = makers.get(id(inputs[0]))
                if maker is not None:
                    pairs[maker] = name

            handles.append(part.register_forward_pre_hook(taken))
    model(images)
    for handle in handles:
        handle.remove()
    once = {part for part in calls if calls.count(part) == 1}
    return {maker: name for maker, name in pairs.items() if maker in once and model.get_submodule(name) in once}


def _fold(convolution: nn.Conv2d, model: nn.Module, name: str) -> None:
    norm = model.get_submodule(name)
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    count = convolution.out_channels
    weight = torch.ones(count) if norm.weight is None else norm.weight
    bias = torch.zeros(count) if norm.bias is None else norm.bias
    scale = weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    before = torch.zeros(count) if convolution.bias is None else convolution.bias
    shift = (before.double() - norm.running_mean.double()) * scale + bias.double()
    kernel = convolution.weight.double() * scale.view(-1, 1, 1, 1)
    convolution.weight.copy_(kernel)
    convolution.bias = nn.Parameter(shift.to(convolution.weight), requires_grad=False)
    model.set_submodule(name, getattr(norm, "act", nn.Identity()))
