"""Networks of a few thousand parameters in the families of the large ones, registered with timm for the tests."""

from __future__ import annotations

from typing import Any

import timm
import torch
from timm.models import register_model
from timm.models.eva import _create_eva
from timm.models.swin_transformer import _create_swin_transformer
from timm.models.vision_transformer import _create_vision_transformer
from torch import nn

_VIT: dict[str, Any] = {"embed_dim": 32, "depth": 4, "num_heads": 2}


def _cfg(size: int, classifier: str = "head") -> dict[str, Any]:
    return {
        "url": "",
        "num_classes": 5,
        "input_size": (3, size, size),
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "first_conv": "patch_embed.proj",
        "classifier": classifier,
    }


default_cfgs = {
    "tiny_vit": _cfg(64),
    "tiny_vit14": _cfg(56),
    "tiny_dinov2": _cfg(112),
    "tiny_dinov3": _cfg(64),
    "tiny_siglip": _cfg(64),
    "tiny_eva": _cfg(64),
    "tiny_swin": _cfg(64, "head.fc"),
}


@register_model
def tiny_vit(pretrained: bool = False, **options: Any) -> nn.Module:
    return _create_vision_transformer("tiny_vit", **{"img_size": 64, "patch_size": 16, **_VIT, **options})


@register_model
def tiny_vit14(pretrained: bool = False, **options: Any) -> nn.Module:
    return _create_vision_transformer("tiny_vit14", **{"img_size": 56, "patch_size": 14, **_VIT, **options})


@register_model
def tiny_dinov2(pretrained: bool = False, **options: Any) -> nn.Module:
    settings = {"img_size": 112, "patch_size": 14, "init_values": 1e-5, **_VIT, **options}
    return _create_vision_transformer("tiny_dinov2", **settings)


@register_model
def tiny_siglip(pretrained: bool = False, **options: Any) -> nn.Module:
    settings = {"img_size": 64, "patch_size": 16, "class_token": False, "global_pool": "map", **_VIT, **options}
    return _create_vision_transformer("tiny_siglip", **settings)


@register_model
def tiny_dinov3(pretrained: bool = False, **options: Any) -> nn.Module:
    settings = {
        "patch_size": 16,
        "dynamic_img_size": True,
        "qkv_bias": False,
        "init_values": 1e-5,
        "rope_type": "dinov3",
        "rope_rotate_half": True,
        "use_rot_pos_emb": True,
        "use_abs_pos_emb": False,
        "num_reg_tokens": 4,
        "use_fc_norm": False,
        **_VIT,
        **options,
    }
    return _create_eva("tiny_dinov3", **settings)


@register_model
def tiny_eva(pretrained: bool = False, **options: Any) -> nn.Module:
    settings = {
        "img_size": 64,
        "patch_size": 16,
        "mlp_ratio": 4 * 2 / 3,
        "swiglu_mlp": True,
        "use_rot_pos_emb": True,
        "ref_feat_shape": (4, 4),
        **_VIT,
        **options,
    }
    return _create_eva("tiny_eva", **settings)


@register_model
def tiny_swin(pretrained: bool = False, **options: Any) -> nn.Module:
    settings = {
        "img_size": 64,
        "patch_size": 4,
        "window_size": 4,
        "embed_dim": 8,
        "depths": (2, 2, 2),
        "num_heads": (1, 2, 4),
    }
    return _create_swin_transformer("tiny_swin", **{**settings, **options})


def random_network(name: str, seed: int = 3, **options: Any) -> nn.Module:
    """With every parameter moved, so that a swapped tensor shows: layer scales of 1e-5 would hide whole blocks."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.empty_like(parameter).normal_(0.0, 0.2, generator=generator)
    return model.eval()
