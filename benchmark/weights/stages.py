"""A backbone cut before its last stage: the trunk to freeze, and the part that fine-tuning may train."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

Modules = dict[str, "nn.Module"]

#: A transformer has no stages: of its blocks, one in so many (the last ones) is the part that may train.
LAST_SHARE = 4


@dataclass(frozen=True, slots=True)
class Stages:
    """The two parts of a model.

    Attributes:
        trunk: images (B, 3, H, W) to feature maps (B, C, h, w), (B, h, w, C) or tokens (B, N, C); None where the family
            cannot be cut.
        last: the trunk's output to pooled features (B, F); None with the trunk. `last(trunk(x))` is `model(x)`,
            and both share the model's parameters and their names.
        last_parameters: names, in the model, of the last stage's parameters: what to leave trainable.
    """

    trunk: nn.Module | None
    last: nn.Module | None
    last_parameters: tuple[str, ...]


def split(backbone: nn.Module) -> Stages:
    """Cut a headless timm model before its last resolution stage.

    ResNet family: conv1 to layer3 | layer4 and pooling. EfficientNet and MobileNetV3: stem and blocks | the blocks
    from the last one that halves the resolution, and what follows. ConvNeXt, MambaOut and Swin: all stages but the last
    | the last stage. DenseNet: up to the last transition | the last dense block. Vision transformers (DINOv2, DINOv3,
    SigLIP and EVA02 included): the embedding and three quarters of the blocks | the last quarter of them. Other
    families: no modules, only the names of the parameters of the last stage by timm's coarse layer groups.
    """
    from timm.models.convnext import ConvNeXt
    from timm.models.densenet import DenseNet
    from timm.models.efficientnet import EfficientNet
    from timm.models.eva import Eva
    from timm.models.mambaout import MambaOut
    from timm.models.mobilenetv3 import MobileNetV3
    from timm.models.resnet import ResNet
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2
    from timm.models.vision_transformer import VisionTransformer

    cuts: dict[type, Callable[[Any], tuple[nn.Module, nn.Module]]] = {
        ResNet: _cut_resnet,
        EfficientNet: _cut_mobile,
        MobileNetV3: _cut_mobile,
        ConvNeXt: _cut_pyramid,
        MambaOut: _cut_pyramid,
        SwinTransformer: _cut_swin,
        SwinTransformerV2: _cut_swin,
        DenseNet: _cut_densenet,
        VisionTransformer: _cut_vit,
        Eva: _cut_eva,
    }
    cut = next((function for kind, function in cuts.items() if _is_plain(backbone, kind)), None)
    if cut is None or getattr(backbone, "rope_mixed", False):  # rotations of its own, learned, in every block
        return Stages(trunk=None, last=None, last_parameters=last_group(backbone))
    trunk, last = cut(backbone)
    return Stages(trunk, last, tuple(name for name, _ in last.named_parameters()))


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


def _is_plain(backbone: nn.Module, kind: type) -> bool:
    """Whether a model is of this class and passes images on as it does: a subclass may do otherwise."""
    return isinstance(backbone, kind) and all(
        getattr(type(backbone), name) is getattr(kind, name) for name in ("forward", "forward_features", "forward_head")
    )


def _cut_resnet(backbone: nn.Module) -> tuple[nn.Module, nn.Module]:
    children = dict(backbone.named_children())
    del children["fc"]  # the identity of a headless model
    return _before_and_from(children, "layer4")


def _cut_mobile(backbone: nn.Module) -> tuple[nn.Module, nn.Module]:
    children = dict(backbone.named_children())
    blocks = list(children["blocks"].children())
    del children["classifier"]
    return _inside(children, "blocks", _last_reduction(blocks))


def _cut_pyramid(backbone: nn.Module) -> tuple[nn.Module, nn.Module]:
    children = dict(backbone.named_children())
    return _inside(children, "stages", len(list(children["stages"].children())) - 1)


def _cut_swin(backbone: nn.Module) -> tuple[nn.Module, nn.Module]:
    children = dict(backbone.named_children())
    return _inside(children, "layers", len(list(children["layers"].children())) - 1)


def _cut_densenet(backbone: nn.Module) -> tuple[nn.Module, nn.Module]:
    children = dict(backbone.named_children())
    names = [name for name, _ in children["features"].named_children()]
    last_block = max(index for index, name in enumerate(names) if name.startswith("denseblock"))
    return _inside(children, "features", last_block)


def _cut_vit(backbone: Any) -> tuple[nn.Module, nn.Module]:
    def embed_and_pass(part: Any, images: Tensor) -> Tensor:
        tokens = part.norm_pre(part.patch_drop(part._pos_embed(part.patch_embed(images))))
        return part.blocks(tokens)  # type: ignore[no-any-return]

    def pass_and_pool(part: Any, tokens: Tensor) -> Tensor:
        return part.forward_head(part.norm(part.blocks(tokens)))  # type: ignore[no-any-return]

    return _cut_tokens(backbone, embed_and_pass, pass_and_pool)


def _cut_eva(backbone: Any) -> tuple[nn.Module, nn.Module]:
    """As a plain transformer, but every block is given the rotations of the grid, which the size alone decides."""

    def embed_and_pass(part: Any, images: Tensor) -> Tensor:
        tokens, rotations = part._pos_embed(part.patch_embed(images))
        return _through(part, part.norm_pre(tokens), rotations)

    def pass_and_pool(part: Any, tokens: Tensor) -> Tensor:
        # the images are of the size that the backbone was built for
        rotations = None if part.rope is None else part.rope.get_embed(shape=part.patch_embed_grid)
        return part.forward_head(part.norm(_through(part, tokens, rotations)))  # type: ignore[no-any-return]

    def _through(part: Any, tokens: Tensor, rotations: Any) -> Tensor:
        for block in part.blocks:
            tokens = block(tokens, rope=rotations)
        return tokens

    trunk, last = _cut_tokens(backbone, embed_and_pass, pass_and_pool)
    last.patch_embed_grid = backbone.patch_embed.grid_size
    return trunk, last


def _cut_tokens(
    backbone: Any, first: Callable[[Any, Tensor], Tensor], second: Callable[[Any, Tensor], Tensor]
) -> tuple[nn.Module, nn.Module]:
    blocks = dict(backbone.blocks.named_children())
    cut = len(blocks) - max(1, len(blocks) // LAST_SHARE)
    early = dict(list(blocks.items())[:cut])
    late = dict(list(blocks.items())[cut:])
    after = ("norm", "attn_pool", "fc_norm", "head_drop", "head")
    before = ("patch_embed", "pos_drop", "patch_drop", "norm_pre", "cls_token", "reg_token", "pos_embed")
    trunk = _part(backbone, first, without=after, blocks=_chain(early))
    last = _part(backbone, second, without=before, blocks=_chain(late))
    return trunk, last


def _part(
    model: nn.Module, forward: Callable[[Any, Tensor], Tensor], *, without: Iterable[str], **replaced: nn.Module
) -> nn.Module:
    """A model that lacks some of its children and has another forward pass: its class, settings and names are kept.

    The modules and parameters are the model's own, not copies.
    """
    part = copy.copy(model)
    for name, value in vars(part).items():
        if isinstance(value, dict):  # the tables of children, parameters, hooks: the model keeps its own
            vars(part)[name] = copy.copy(value)
    for name in without:
        part._modules.pop(name, None)
        part._parameters.pop(name, None)
    part._modules.update(replaced)
    part.__class__ = type(f"{type(model).__name__}Part", (type(model),), {"forward": forward})
    return part


def _before_and_from(children: Modules, first_of_last: str) -> tuple[nn.Module, nn.Module]:
    """The children, which pass images on one after another, up to one of them, and from it on."""
    names = list(children)
    cut = names.index(first_of_last)
    return _chain({name: children[name] for name in names[:cut]}), _chain(
        {name: children[name] for name in names[cut:]}
    )


def _inside(children: Modules, container: str, cut: int) -> tuple[nn.Module, nn.Module]:
    """As `_before_and_from`, but cut inside a child, before the module of this index in it."""
    modules = dict(children[container].named_children())
    early, late = dict(list(modules.items())[:cut]), dict(list(modules.items())[cut:])
    names = list(children)
    place = names.index(container)
    trunk = {**{name: children[name] for name in names[:place]}, container: _chain(early)}
    last = {container: _chain(late), **{name: children[name] for name in names[place + 1 :]}}
    return _chain(trunk), _chain(last)


def _chain(modules: Modules) -> nn.Module:
    from torch import nn

    return nn.Sequential(OrderedDict(modules))


def _last_reduction(blocks: list[nn.Module]) -> int:
    """Index of the last block that holds a convolution of stride 2."""
    reducing = [i for i, block in enumerate(blocks) if any(_strides(module) for module in block.modules())]
    return reducing[-1]


def _strides(module: nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.Conv2d) and max(module.stride) > 1
