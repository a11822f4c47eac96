"""The names of Hugging Face's transformers in timm's: ViT, DINOv2, DINOv3 and SigLIP; pure functions on keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

State = Mapping[str, "Tensor"]
Rules = tuple[tuple[str, str], ...]

#: Where a state dict of each form has its patch embedding, from the root of the vision model.
VIT = "embeddings.patch_embeddings.projection.weight"
DINOV3 = "embeddings.patch_embeddings.weight"
SIGLIP = "embeddings.patch_embedding.weight"

#: Google's ViT and Meta's DINOv2 (RAD-DINO) as transformers names them; DINOv2's registers keep Meta's name, which
#: timm converts.
_VIT: Rules = (
    (r"^embeddings\.(cls_token|mask_token|register_tokens)$", r"\1"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.", r"blocks.\1.attn.\2."),
    (r"^encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.mlp.fc1."),
    (r"^encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.mlp.fc2."),
    (r"^encoder\.layer\.(\d+)\.layernorm_before\.", r"blocks.\1.norm1."),
    (r"^encoder\.layer\.(\d+)\.layernorm_after\.", r"blocks.\1.norm2."),
    (r"^encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1$", r"blocks.\1.ls\2.gamma"),
    (r"^encoder\.layer\.(\d+)\.", r"blocks.\1."),
    (r"^layernorm\.", "norm."),
)
_DINOV3: Rules = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
    (r"^layer\.(\d+)\.attention\.([qkv])_proj\.", r"blocks.\1.attn.\2."),
    (r"^layer\.(\d+)\.attention\.o_proj\.", r"blocks.\1.attn.proj."),
    (r"^layer\.(\d+)\.layer_scale([12])\.lambda1$", r"blocks.\1.gamma_\2"),
    (r"^layer\.(\d+)\.mlp\.up_proj\.", r"blocks.\1.mlp.fc1."),
    (r"^layer\.(\d+)\.mlp\.down_proj\.", r"blocks.\1.mlp.fc2."),
    (r"^layer\.(\d+)\.", r"blocks.\1."),
)
_SIGLIP: Rules = (
    (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^embeddings\.position_embedding\.weight$", "pos_embed"),
    (r"^encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.", r"blocks.\1.attn.\2."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"blocks.\1.attn.proj."),
    (r"^encoder\.layers\.(\d+)\.layer_norm([12])\.", r"blocks.\1.norm\2."),
    (r"^encoder\.layers\.(\d+)\.", r"blocks.\1."),
    (r"^post_layernorm\.", "norm."),
    (r"^head\.probe$", "attn_pool.latent"),
    (r"^head\.attention\.out_proj\.", "attn_pool.proj."),
    (r"^head\.layernorm\.", "attn_pool.norm."),
    (r"^head\.mlp\.", "attn_pool.mlp."),
)

_QUERY_KEY_VALUE = {"query": "q", "key": "k", "value": "v"}


def vit_names(state: State) -> dict[str, Tensor]:
    """ViT and DINOv2: ``encoder.layer.N.attention.attention.query`` and the like."""
    return _joined(_renamed(state, _VIT))


def dinov3_names(state: State) -> dict[str, Tensor]:
    """DINOv3: its queries and values have biases (of zeros), its keys have none; the mask is for pretraining alone."""
    named = {key: value for key, value in _renamed(state, _DINOV3).items() if key != "embeddings.mask_token"}
    return _joined(named, fused_bias=False)


def siglip_names(state: State) -> dict[str, Tensor]:
    """SigLIP's vision model, its pooling by attention included; its position ids are a count, not parameters."""
    import torch

    named = {key: value for key, value in _renamed(state, _SIGLIP).items() if key != "embeddings.position_ids"}
    if "pos_embed" in named:
        named["pos_embed"] = named["pos_embed"].unsqueeze(0)  # (N, C), as the weight of an embedding
    for kind in ("weight", "bias"):
        fused = named.pop(f"head.attention.in_proj_{kind}", None)
        if fused is not None:
            query, key, value = fused.chunk(3)
            named[f"attn_pool.q.{kind}"] = query
            named[f"attn_pool.kv.{kind}"] = torch.cat([key, value])
    return _joined(named)


def _renamed(state: State, rules: Rules) -> dict[str, Tensor]:
    """Every key by the first rule that it matches, or as it is."""

    def name(key: str) -> str:
        for pattern, replacement in rules:
            changed, count = re.subn(pattern, replacement, key)
            if count:
                return changed
        return key

    return {name(key): value for key, value in state.items()}


def _joined(state: State, *, fused_bias: bool = True) -> dict[str, Tensor]:
    """Queries, keys and values of each block in one, as timm's ``qkv``; with biases apart as ``q_bias``, ``v_bias``."""
    import torch

    joined: dict[str, Tensor] = {}
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for key, value in state.items():
        match = re.fullmatch(r"(blocks\.\d+\.attn)\.(q|k|v|query|key|value)\.(weight|bias)", key)
        if match is None:
            joined[key] = value
        else:
            part = _QUERY_KEY_VALUE.get(match[2], match[2])
            parts.setdefault((match[1], match[3]), {})[part] = value
    for (attention, kind), of in parts.items():
        if kind == "bias" and not fused_bias:
            joined |= {f"{attention}.{part}_bias": value for part, value in of.items()}
        elif of.keys() == {"q", "k", "v"}:
            joined[f"{attention}.qkv.{kind}"] = torch.cat([of["q"], of["k"], of["v"]])
        else:  # incomplete: the comparison with the model says which are missing
            joined |= {f"{attention}.{part}.{kind}": value for part, value in of.items()}
    return joined
