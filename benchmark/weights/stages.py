"""A backbone cut before its last stage: the trunk to freeze, and the part that fine-tuning may train."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Stages:
    """The two parts of a model.

    Attributes:
        trunk: images (B, 3, H, W) to feature maps (B, C, h, w); None where the family cannot be cut.
        last: feature maps to pooled features (B, F); None with the trunk. `last(trunk(x))` is `model(x)`,
            and both share the model's parameters and their names.
        last_parameters: names, in the model, of the last stage's parameters: what to leave trainable.
    """

    trunk: nn.Module | None
    last: nn.Module | None
    last_parameters: tuple[str, ...]


def split(backbone: nn.Module) -> Stages:
    """Cut a headless timm model before its last resolution stage.

    ResNet family: conv1 to layer3 | layer4 and pooling. EfficientNet family: stem and blocks | the blocks
    from the last one that halves the resolution, conv_head and pooling. Other families: no modules, only the
    names of the parameters of the last stage by timm's coarse layer groups.
    """
    from timm.models.efficientnet import EfficientNet
    from timm.models.resnet import ResNet

    children = dict(backbone.named_children())
    if isinstance(backbone, ResNet):
        del children["fc"]  # the identity of a headless model
        names = list(children)
        cut = names.index("layer4")
        trunk = {name: children[name] for name in names[:cut]}
        last = {name: children[name] for name in names[cut:]}
    elif isinstance(backbone, EfficientNet):
        blocks = dict(children["blocks"].named_children())
        cut = _last_reduction(list(blocks.values()))
        early = {name: block for name, block in blocks.items() if int(name) < cut}
        late = {name: block for name, block in blocks.items() if int(name) >= cut}
        trunk = {"conv_stem": children["conv_stem"], "bn1": children["bn1"], "blocks": _chain(early)}
        last = {
            "blocks": _chain(late),
            **{name: children[name] for name in ("conv_head", "bn2", "global_pool")},
        }
    else:
        return Stages(trunk=None, last=None, last_parameters=last_group(backbone))
    last_module = _chain(last)
    return Stages(_chain(trunk), last_module, tuple(name for name, _ in last_module.named_parameters()))


def last_group(backbone: nn.Module) -> tuple[str, ...]:
    """Names of the parameters in the last of timm's coarse layer groups.

    A closing norm or head convolution often is a group of its own: groups are taken from the end until they
    hold two weight matrices or kernels at least.
    """
    from timm.models import group_parameters

    matcher = backbone.group_matcher(coarse=True)  # type: ignore[operator]
    groups = group_parameters(backbone, matcher, reverse=True)
    sizes = {name: parameter.ndim for name, parameter in backbone.named_parameters()}
    first = max(groups.values())
    while first > 0 and sum(sizes[name] > 1 for name in sizes if groups[name] >= first) < 2:
        first -= 1
    return tuple(name for name in sizes if groups[name] >= first)


def _chain(modules: dict[str, nn.Module]) -> nn.Module:
    from torch import nn

    return nn.Sequential(OrderedDict(modules))


def _last_reduction(blocks: list[nn.Module]) -> int:
    """Index of the last block that holds a convolution of stride 2."""
    reducing = [i for i, block in enumerate(blocks) if any(_strides(module) for module in block.modules())]
    return reducing[-1]


def _strides(module: nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.Conv2d) and max(module.stride) > 1
