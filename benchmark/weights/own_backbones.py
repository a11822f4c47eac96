"""Architectures that published weights have and timm does not name; timm builds them under the names here."""

from __future__ import annotations

from typing import Any

from timm.models import register_model
from timm.models.eva import Eva, _create_eva

#: EVA-X (github.com/hustvl/EVA-X, eva_x.py): EVA02 with patches of 16 px and rotations for a grid of 14 x 14.
_EVA_X: dict[str, Any] = {
    "img_size": 224,
    "patch_size": 16,
    "depth": 12,
    "mlp_ratio": 4 * 2 / 3,
    "swiglu_mlp": True,
    "use_rot_pos_emb": True,
    "ref_feat_shape": (14, 14),
}
_CFG = {
    "url": "",
    "num_classes": 0,
    "input_size": (3, 224, 224),
    "mean": (0.49185243,) * 3,
    "std": (0.28509309,) * 3,
    "first_conv": "patch_embed.proj",
    "classifier": "head",
}
default_cfgs = {f"eva_x_{size}_patch16": _CFG for size in ("tiny", "small", "base")}


@register_model
def eva_x_tiny_patch16(pretrained: bool = False, **options: Any) -> Eva:
    """EVA-X-Ti."""
    return _eva_x("eva_x_tiny_patch16", options, embed_dim=192, num_heads=3)


@register_model
def eva_x_small_patch16(pretrained: bool = False, **options: Any) -> Eva:
    """EVA-X-S."""
    return _eva_x("eva_x_small_patch16", options, embed_dim=384, num_heads=6)


@register_model
def eva_x_base_patch16(pretrained: bool = False, **options: Any) -> Eva:
    """EVA-X-B: queries, keys and values apart, and a norm inside the MLP."""
    return _eva_x("eva_x_base_patch16", options, embed_dim=768, num_heads=12, qkv_fused=False, scale_mlp=True)


def _eva_x(name: str, options: dict[str, Any], **size: Any) -> Eva:
    return _create_eva(name, pretrained=False, **{**_EVA_X, **size, **options})
