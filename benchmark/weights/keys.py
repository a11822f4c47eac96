"""Foreign state dicts in timm's names: pure functions on keys, and what a set of keys looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from benchmark.weights import transformers_names as hf

if TYPE_CHECKING:
    from torch import Tensor

State = Mapping[str, "Tensor"]
Form = Literal["timm", "sequential-resnet", "efficientnet-pytorch", "hf-vit", "hf-dinov3", "hf-siglip"]

#: Wrappers that training frameworks put before every key.
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.", "network.", "trunk.")

#: First parts of names that hold classifiers; what they hold is dropped where the backbone has none.
HEADS = ("fc", "head", "heads", "classifier", "linear", "drop_out", "op_threshs", "last_linear", "omni_heads")

#: First parts of names that pretraining leaves beside a backbone: decoders, masks, projections.
PRETRAINING = (
    "mask_token",
    "decoder",
    "decoder_embed",
    "decoder_pos_embed",
    "decoder_blocks",
    "decoder_norm",
    "decoder_pred",
    "lm_head",
    "dino_head",
    "ibot_head",
    "projector",
    "pooler",
)

#: A key that each form of network has once, at its root: what stands before it is the wrappers'.
_ANCHORS = (
    "patch_embed.proj.weight",
    hf.VIT,
    hf.DINOV3,
    hf.SIGLIP,
    "layer1.0.conv1.weight",
    "4.0.conv1.weight",
    "conv_stem.weight",
    "_conv_stem.weight",
    "features.conv0.weight",
    "downsample_layers.0.0.weight",
    "stages.0.blocks.0.conv_dw.weight",
)

#: Of several copies of a network in one file, the one to take: averaged weights before those that were trained.
_COPIES = ("teacher", "ema", "model_ema", "encoder_q", "online", "visual", "vision_model", "student")

#: torchvision's ResNet, cut into `nn.Sequential(*children)`: position -> name (2 and 3 have no parameters).
_SEQUENTIAL = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}

_RESNETS: dict[tuple[int, ...], str] = {
    (2, 2, 2, 2, 2): "ResNet-18",
    (2, 3, 4, 6, 3): "ResNet-34",
    (3, 3, 4, 6, 3): "ResNet-50",
    (3, 3, 4, 23, 3): "ResNet-101",
    (3, 3, 8, 36, 3): "ResNet-152",
}


def strip_prefixes(state: State) -> dict[str, Tensor]:
    """The network alone, its names without what wraps them (``module.``, ``teacher.backbone.``, ``visual.trunk.``).

    Where a well-known part of a network stands behind a prefix, all keys behind that prefix are the network, and what
    is beside it (text towers, projections, second copies) is dropped. Else a prefix goes when every key has it, or
    every key but those of a classifier beside it.
    """
    root = _root(state)
    if root is not None:
        return {key.removeprefix(root): value for key, value in state.items() if key.startswith(root)}
    current = dict(state)
    while True:
        for prefix in PREFIXES:
            inside = {key[len(prefix) :]: value for key, value in current.items() if key.startswith(prefix)}
            rest = [key for key in current if not key.startswith(prefix)]
            if inside and all(_is_head(key) for key in rest):
                current = inside
                break
        else:
            return current


def form_of(state: State) -> Form:
    """Which naming scheme the (prefix-free) keys follow; torchvision's ResNets have timm's names already."""
    for anchor, form in _TRANSFORMERS.items():
        if anchor in state:
            return form
    if any(key.startswith(("_conv_stem.", "_blocks.")) for key in state):
        return "efficientnet-pytorch"
    first_parts = {key.partition(".")[0] for key in state if not _is_head(key)}
    if first_parts and first_parts <= set(_SEQUENTIAL):
        return "sequential-resnet"
    return "timm"


def to_timm(state: State) -> dict[str, Tensor]:
    """The same tensors under timm's names, classifier included.

    Known forms, each behind any wrapper's prefixes: timm and torchvision ResNet, RadImageNet
    (``backbone.{0,1,4,5,6,7}``), torchxrayvision's ResNet, the EfficientNet names of `efficientnet_pytorch` (the Lite
    packages), transformers' ViT, DINOv2, DINOv3 and SigLIP, DINOv2's blocks in chunks (``blocks.0.3.``), and
    networks inflated to volumes, whose kernels are summed over depth. Queries, keys and values become one tensor where
    timm has one; no other tensor is changed.
    """
    bare = _flattened(strip_prefixes(state))
    form = form_of(bare)
    if form == "sequential-resnet":
        return {_sequential_name(key): value for key, value in bare.items()}
    if form == "efficientnet-pytorch":
        return _efficientnet_names(bare)
    if form == "hf-vit":
        return hf.vit_names(bare)
    if form == "hf-dinov3":
        return hf.dinov3_names(bare)
    if form == "hf-siglip":
        return hf.siglip_names(bare)
    if "patch_embed.proj.weight" in bare:  # DINOv2 trains its blocks in chunks, and numbers them straight through
        return {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", key): value for key, value in bare.items()}
    return bare


def is_beside(key: str) -> bool:
    """Whether a key (timm names) is of a classifier, a decoder or another part that is not the backbone's."""
    return _is_head(key) or key.partition(".")[0] in PRETRAINING


def split_head(state: State, classifiers: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Backbone and timm's classifier, apart.

    Args:
        state: timm names.
        classifiers: the module names that timm gives as the model's classifier, for example ``("head.fc",)``.
    """
    prefixes = tuple(f"{name}." for name in classifiers if name)
    head = {key: value for key, value in state.items() if prefixes and key.startswith(prefixes)}
    return {key: value for key, value in state.items() if key not in head}, head


def describe(state: State) -> str:
    """What the keys look like, in words for an error message: ``ResNet-18 (122 tensors)``."""
    return f"{_architecture(to_timm(state))} ({len(state)} tensors)"


def guess_backbone(state: State) -> str | None:
    """The timm name of the architecture that the keys show, or None where they do not settle it."""
    name = _architecture(to_timm(state))
    return {label: label.lower().replace("-", "") for label in _RESNETS.values()}.get(name)


def input_channels(state: State) -> int | None:
    """Input channels of the first convolution (timm names), or None where there is none at a known place."""
    for name in (
        "conv1.weight",
        "conv_stem.weight",
        "stem.0.weight",
        "patch_embed.proj.weight",
        "features.conv0.weight",
    ):
        if name in state and state[name].ndim == 4:
            return int(state[name].shape[1])
    return None


_TRANSFORMERS: dict[str, Form] = {hf.VIT: "hf-vit", hf.DINOV3: "hf-dinov3", hf.SIGLIP: "hf-siglip"}


def _root(state: State) -> str | None:
    """The prefix behind which the network stands; None where nothing tells, or several copies do equally."""
    roots = {key[: -len(anchor)] for key in state for anchor in _ANCHORS if key == anchor or key.endswith(f".{anchor}")}
    if "" in roots or len(roots) == 1:
        return "" if "" in roots else roots.pop()
    for copy in _COPIES:
        chosen = [root for root in roots if copy in root.split(".")]
        if len(chosen) == 1:
            return chosen[0]
    return None


def _flattened(state: State) -> dict[str, Tensor]:
    """Kernels over volumes summed over depth: on an image that is the same at every depth they give the same.

    So a 3D network that was inflated from a 2D one is one again (Carreira and Zisserman 2017, the other way round).
    """
    return {key: value.float().sum(dim=2) if value.ndim == 5 else value for key, value in state.items()}


def _architecture(state: State) -> str:
    if "layer1.0.conv1.weight" in state:
        depth = tuple(_count(state, f"layer{stage}") for stage in (1, 2, 3, 4))
        convs = 3 if "layer1.0.conv3.weight" in state else 2
        return _RESNETS.get((convs, *depth), f"a ResNet with {'-'.join(map(str, depth))} blocks")
    if "conv_stem.weight" in state:
        return f"an EfficientNet or MobileNet with {_count(state, 'blocks')} stages"
    if "features.denseblock1.denselayer1.norm1.weight" in state:
        return "a DenseNet"
    if "patch_embed.proj.weight" in state:
        return f"a vision transformer with {_count(state, 'blocks')} blocks"
    if "stages.0.blocks.0.conv_dw.weight" in state:
        return "a ConvNeXt"
    sample = ", ".join(sorted(state)[:3])
    return f"an unknown architecture, with keys such as {sample}" if sample else "an empty file"


def _count(state: State, name: str) -> int:
    pattern = re.compile(rf"{name}\.(\d+)\.")
    return len({match.group(1) for key in state if (match := pattern.match(key))})


def _is_head(key: str) -> bool:
    return key.partition(".")[0] in HEADS


def _sequential_name(key: str) -> str:
    first, dot, rest = key.partition(".")
    return _SEQUENTIAL.get(first, first) + dot + rest


def _efficientnet_names(state: State) -> dict[str, Tensor]:
    """`efficientnet_pytorch` numbers its blocks straight through; timm counts them by stage.

    A new stage begins where the kernel, the stride's place or the width changes, and of these only the width
    shows in every state dict; so a stage begins where a block's output width differs from its input width. In
    this family no two stages in a row have the same width.
    """
    places: dict[int, tuple[int, int]] = {}
    stage, inside, width = -1, 0, -1
    blocks = sorted({int(key.split(".")[1]) for key in state if key.startswith("_blocks.")})
    for block in blocks:
        project = state.get(f"_blocks.{block}._project_conv.weight")
        out = int(project.shape[0]) if project is not None else width
        stage, inside = (stage, inside + 1) if out == width else (stage + 1, 0)
        places[block], width = (stage, inside), out
    plain = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "_blocks":
            block, layer = int(parts[1]), parts[2]
            expands = f"_blocks.{block}._expand_conv.weight" in state
            names = _EXPANDED if expands else _PLAIN
            place = places[block]
            renamed[".".join(["blocks", str(place[0]), str(place[1]), names.get(layer, layer), *parts[3:]])] = value
        else:
            renamed[".".join([plain.get(parts[0], parts[0]), *parts[1:]])] = value
    return renamed


_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
#: The first stage's blocks have no expansion: timm's DepthwiseSeparableConv.
_PLAIN = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
