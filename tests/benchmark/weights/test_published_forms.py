"""Transformers' files in their publishers' exact key forms, on tiny networks: the features are the original's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark.errors import InputError
from benchmark.weights import keys
from benchmark.weights.find import find
from benchmark.weights.load import load_backbone
from tests.benchmark.weights.tiny_networks import random_network
from tests.benchmark.weights.weight_networks import CLOSE, images

State = dict[str, Tensor]


def thirds(state: State, block: int, names: tuple[str, str, str], target: str) -> State:
    """A block's fused queries, keys and values apart: ``target`` has a place for their name."""
    parts = {}
    for kind in ("weight", "bias"):
        fused = state.get(f"blocks.{block}.attn.qkv.{kind}")
        if fused is not None:
            parts |= {f"{target.format(n=n)}.{kind}": p for n, p in zip(names, fused.chunk(3), strict=True)}
    return parts


def both(target: str, state: State, source: str) -> State:
    return {f"{target}.{kind}": state[f"{source}.{kind}"] for kind in ("weight", "bias")}


def hf_vit(state: State) -> State:
    """google/vit-base-patch16-224: ViTForImageClassification."""
    theirs = {
        "vit.embeddings.cls_token": state["cls_token"],
        "vit.embeddings.position_embeddings": state["pos_embed"],
        **both("vit.embeddings.patch_embeddings.projection", state, "patch_embed.proj"),
        **both("vit.layernorm", state, "norm"),
        **both("classifier", state, "head"),
    }
    for n in range(4):
        layer, block = f"vit.encoder.layer.{n}", f"blocks.{n}"
        theirs |= thirds(state, n, ("query", "key", "value"), f"{layer}.attention.attention.{{n}}")
        theirs |= both(f"{layer}.attention.output.dense", state, f"{block}.attn.proj")
        theirs |= both(f"{layer}.intermediate.dense", state, f"{block}.mlp.fc1")
        theirs |= both(f"{layer}.output.dense", state, f"{block}.mlp.fc2")
        theirs |= both(f"{layer}.layernorm_before", state, f"{block}.norm1")
        theirs |= both(f"{layer}.layernorm_after", state, f"{block}.norm2")
    return theirs


def hf_dinov2(state: State) -> State:
    """microsoft/rad-dino: Dinov2Model, with the mask of its pretraining."""
    theirs = {
        "embeddings.cls_token": state["cls_token"],
        "embeddings.mask_token": torch.zeros(1, 32),
        "embeddings.position_embeddings": state["pos_embed"],
        **both("embeddings.patch_embeddings.projection", state, "patch_embed.proj"),
        **both("layernorm", state, "norm"),
    }
    for n in range(4):
        layer, block = f"encoder.layer.{n}", f"blocks.{n}"
        theirs |= thirds(state, n, ("query", "key", "value"), f"{layer}.attention.attention.{{n}}")
        theirs |= both(f"{layer}.attention.output.dense", state, f"{block}.attn.proj")
        theirs |= {f"{layer}.layer_scale{i}.lambda1": state[f"{block}.ls{i}.gamma"] for i in (1, 2)}
        for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
            theirs |= both(f"{layer}.{name}", state, f"{block}.{name}")
    return theirs


def meta_dinov2(state: State) -> State:
    """A checkpoint of DINOv2's own training: teacher and student, blocks in chunks, heads beside."""
    backbone = {
        key.replace("blocks.2.", "blocks.1.2.").replace("blocks.3.", "blocks.1.3.")
        if key.startswith(("blocks.2.", "blocks.3."))
        else key.replace("blocks.", "blocks.0.", 1): value
        for key, value in state.items()
        if not key.startswith("head.")
    }
    backbone["mask_token"] = torch.zeros(1, 32)
    teacher = {f"backbone.{key}": value for key, value in backbone.items()}
    head = {"dino_head.mlp.0.weight": torch.zeros(2, 32), "ibot_head.last_layer.weight_g": torch.zeros(2)}
    student = {f"student.{key}": torch.zeros_like(value) for key, value in teacher.items()}
    return {**{f"teacher.{key}": value for key, value in {**teacher, **head}.items()}, **student}


def hf_dinov3(state: State) -> State:
    """facebook/dinov3-vits16-pretrain-lvd1689m: biases of zeros, none for keys."""
    theirs = {
        "embeddings.cls_token": state["cls_token"],
        "embeddings.mask_token": torch.zeros(1, 1, 32),
        "embeddings.register_tokens": state["reg_token"],
        **both("embeddings.patch_embeddings", state, "patch_embed.proj"),
        **both("norm", state, "norm"),
    }
    for n in range(4):
        layer, block = f"layer.{n}", f"blocks.{n}"
        theirs |= thirds(state, n, ("q", "k", "v"), f"{layer}.attention.{{n}}_proj")
        theirs |= {f"{layer}.attention.{p}_proj.bias": torch.zeros(32) for p in "qv"}
        theirs |= both(f"{layer}.attention.o_proj", state, f"{block}.attn.proj")
        theirs |= {f"{layer}.layer_scale{i}.lambda1": state[f"{block}.gamma_{i}"] for i in (1, 2)}
        theirs |= both(f"{layer}.mlp.up_proj", state, f"{block}.mlp.fc1")
        theirs |= both(f"{layer}.mlp.down_proj", state, f"{block}.mlp.fc2")
        for name in ("norm1", "norm2"):
            theirs |= both(f"{layer}.{name}", state, f"{block}.{name}")
    return theirs


def meta_dinov3(state: State) -> State:
    """dinov3_vits16_pretrain_lvd1689m.pth: registers as storage tokens, a bias mask, periods of the rotations."""
    theirs = {"rope_embed.periods": torch.ones(4), "mask_token": torch.zeros(1, 32)}
    for key, value in state.items():
        if not key.startswith("head."):
            name = key.replace("reg_token", "storage_tokens")
            theirs[name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")] = value
    for n in range(4):
        theirs[f"blocks.{n}.attn.qkv.bias"] = torch.zeros(96)
        theirs[f"blocks.{n}.attn.qkv.bias_mask"] = torch.zeros(96)
    return theirs


def siglip(state: State) -> State:
    """google/medsiglip-448: SiglipModel with both towers."""
    theirs = {
        "logit_scale": torch.zeros(1),
        "logit_bias": torch.zeros(1),
        "text_model.embeddings.token_embedding.weight": torch.zeros(7, 32),
        "text_model.encoder.layers.0.self_attn.k_proj.weight": torch.zeros(32, 32),
        "vision_model.embeddings.position_embedding.weight": state["pos_embed"][0],
        "vision_model.head.probe": state["attn_pool.latent"],
        **both("vision_model.embeddings.patch_embedding", state, "patch_embed.proj"),
        **both("vision_model.post_layernorm", state, "norm"),
        **both("vision_model.head.attention.out_proj", state, "attn_pool.proj"),
        **both("vision_model.head.layernorm", state, "attn_pool.norm"),
        **both("vision_model.head.mlp.fc1", state, "attn_pool.mlp.fc1"),
        **both("vision_model.head.mlp.fc2", state, "attn_pool.mlp.fc2"),
    }
    for kind in ("weight", "bias"):
        fused = torch.cat([state[f"attn_pool.q.{kind}"], state[f"attn_pool.kv.{kind}"]])
        theirs[f"vision_model.head.attention.in_proj_{kind}"] = fused
    for n in range(4):
        layer, block = f"vision_model.encoder.layers.{n}", f"blocks.{n}"
        theirs |= thirds(state, n, ("q", "k", "v"), f"{layer}.self_attn.{{n}}_proj")
        theirs |= both(f"{layer}.self_attn.out_proj", state, f"{block}.attn.proj")
        theirs |= both(f"{layer}.layer_norm1", state, f"{block}.norm1")
        theirs |= both(f"{layer}.layer_norm2", state, f"{block}.norm2")
        theirs |= both(f"{layer}.mlp.fc1", state, f"{block}.mlp.fc1")
        theirs |= both(f"{layer}.mlp.fc2", state, f"{block}.mlp.fc2")
    return theirs


def mae(state: State) -> State:
    """RETFound: the encoder under MAE's own names, and the decoder."""
    return {
        **{key: value for key, value in state.items() if not key.startswith("head.")},
        "mask_token": torch.zeros(1, 1, 16),
        "decoder_pos_embed": torch.zeros(1, 17, 16),
        "decoder_embed.weight": torch.zeros(16, 32),
        "decoder_blocks.0.attn.qkv.weight": torch.zeros(48, 16),
        "decoder_norm.weight": torch.zeros(16),
        "decoder_pred.weight": torch.zeros(768, 16),
    }


def open_clip(state: State) -> State:
    """BiomedCLIP: timm's network as the trunk of the visual tower."""
    trunk = {f"visual.trunk.{key}": value for key, value in state.items() if not key.startswith("head.")}
    return {
        **trunk,
        "visual.head.proj.weight": torch.zeros(8, 32),
        "text.transformer.embeddings.word_embeddings.weight": torch.zeros(7, 8),
        "logit_scale": torch.zeros(()),
    }


def dino(state: State) -> State:
    """DINO's teacher, as DistributedDataParallel leaves it."""
    backbone = {f"module.backbone.{key}": value for key, value in state.items() if not key.startswith("head.")}
    return {**backbone, "module.head.mlp.0.weight": torch.zeros(8, 32)}


def eva_x(state: State) -> State:
    """EVA-02's masked image modelling: w1, w2 in one, the norm before the prediction, the mask, its head."""
    theirs = {"mask_token": torch.zeros(1, 1, 32), "lm_head.weight": torch.zeros(8, 32)}
    for key, value in state.items():
        if not key.startswith("head."):
            name = key.replace("fc_norm.", "norm.").replace("mlp.fc1.", "mlp.w12.").replace("mlp.fc2.", "mlp.w3.")
            theirs[name] = value
    return {**theirs, "rope.freqs_cos": torch.zeros(16, 16), "rope.freqs_sin": torch.zeros(16, 16)}


FORMS: dict[str, tuple[str, Callable[[State], State], Callable[[State], object]]] = {
    "transformers ViT": ("tiny_vit", hf_vit, lambda s: s),
    "transformers DINOv2 (RAD-DINO)": ("tiny_dinov2", hf_dinov2, lambda s: s),
    "transformers DINOv2 in Lightning": (
        "tiny_dinov2",
        hf_dinov2,
        lambda s: {"epoch": 3, "state_dict": {f"model.encoder.{k}": v for k, v in s.items()}},
    ),
    "DINOv2's own training": ("tiny_dinov2", meta_dinov2, lambda s: {"model": s}),
    "transformers DINOv3": ("tiny_dinov3", hf_dinov3, lambda s: s),
    "DINOv3's own": ("tiny_dinov3", meta_dinov3, lambda s: s),
    "SigLIP (MedSigLIP)": ("tiny_siglip", siglip, lambda s: s),
    "MAE (RETFound)": ("tiny_vit", mae, lambda s: {"model": s, "epoch": 800}),
    "MAE in Lightning": (
        "tiny_vit",
        mae,
        lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}, "global_step": 5},
    ),
    "open_clip (BiomedCLIP)": ("tiny_vit", open_clip, lambda s: s),
    "DINO": (
        "tiny_vit",
        dino,
        lambda s: {"student": {k: torch.zeros_like(v) for k, v in s.items()}, "teacher": s, "epoch": 99},
    ),
    "EVA-X": ("tiny_eva", eva_x, lambda s: {"module": s}),
    "timm": ("tiny_swin", dict, lambda s: {"model": s}),
}


def pooled_features(model: nn.Module, batch: Tensor) -> Tensor:
    with torch.inference_mode():
        return model.forward_head(model.forward_features(batch), pre_logits=True)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_in_its_publishers_form_gives_the_original_features(form: str, tmp_path: Path) -> None:
    backbone, to_theirs, wrap = FORMS[form]
    model = random_network(backbone, num_classes=5)
    theirs = to_theirs(model.state_dict())
    file = tmp_path / "theirs.pth"
    torch.save(wrap(theirs), file)
    size = model.pretrained_cfg["input_size"][-1]
    loaded = load_backbone(backbone, find(backbone, "medical", file, image_size=size)).eval()
    batch = images(size=size)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(batch), pooled_features(model, batch), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("backbone", ["tiny_vit", "tiny_dinov2", "tiny_siglip", "tiny_dinov3", "tiny_eva", "tiny_swin"])
@pytest.mark.parametrize("patches", [2, 6])
def test_weights_at_another_size_are_those_that_timm_resizes(backbone: str, patches: int, tmp_path: Path) -> None:
    """timm resizes a loaded model in place; where that changes windows too (Swin) the shapes are compared alone."""
    model = random_network(backbone, num_classes=0)
    file = tmp_path / "native.safetensors"
    save_file(model.state_dict(), file)
    size = patches * (model.patch_embed.patch_size[0] if backbone != "tiny_swin" else 16)
    loaded = load_backbone(backbone, find(backbone, "medical", file, image_size=size), image_size=size).eval()
    batch = images(size=size)
    with torch.inference_mode():
        features = loaded(batch)
    assert features.shape == (2, 32) and bool(features.isfinite().all())
    if backbone != "tiny_swin":
        model.set_input_size(img_size=size)
        with torch.inference_mode():
            torch.testing.assert_close(features, model(batch), atol=1e-5, rtol=1e-4)


def test_weights_of_other_patches_are_refused_and_not_resampled(tmp_path: Path) -> None:
    file = tmp_path / "sixteen.safetensors"
    save_file(random_network("tiny_vit", num_classes=0).state_dict(), file)
    with pytest.raises(InputError, match=r"patch_embed\.proj\.weight is 32x3x16x16 in the file and 32x3x14x14"):
        find("tiny_vit14", "medical", file)


def test_a_layout_that_nobody_knows_is_named_by_its_keys_and_by_what_was_expected(tmp_path: Path) -> None:
    file = tmp_path / "x.pth"
    torch.save({"tower.first.w": torch.zeros(2), "tower.second.w": torch.zeros(2)}, file)
    with pytest.raises(InputError) as caught:
        find("tiny_vit", "medical", file)
    text = str(caught.value)
    assert "keys such as tower.first.w, tower.second.w" in text
    assert "expected are cls_token, pos_embed, patch_embed.proj.weight" in text
    assert "transformers (ViT, DINOv2, DINOv3, SigLIP), open_clip" in text


def test_two_copies_of_which_none_is_the_averaged_one_are_not_chosen_from(tmp_path: Path) -> None:
    state = {k: v for k, v in random_network("tiny_vit").state_dict().items() if not k.startswith("head.")}
    file = tmp_path / "x.pth"
    torch.save({f"{side}.{key}": value for side in ("left", "right") for key, value in state.items()}, file)
    with pytest.raises(InputError, match=r"does not fit tiny_vit.*keys such as left\."):
        find("tiny_vit", "medical", file)


def test_a_network_over_volumes_gives_what_it_gives_on_an_image_repeated_over_depth() -> None:
    """Astra: kernels summed over depth; the middle slice of a deep constant volume is far from the padded ends."""
    torch.manual_seed(0)
    flat = {"layer1.0.conv1.weight": torch.randn(8, 3, 3, 3, 3), "conv1.weight": torch.randn(4, 3, 3, 7, 7)}
    prefix = "visual_encoder.model.encode_image.i3_resnet."
    summed = keys.to_timm({prefix + key: value for key, value in flat.items()})
    batch = images(size=16)
    volume = batch.unsqueeze(2).expand(-1, -1, 9, -1, -1)
    for key, kernel in flat.items():
        deep = torch.nn.functional.conv3d(volume, kernel, padding="same")[:, :, 4]
        torch.testing.assert_close(torch.nn.functional.conv2d(batch, summed[key], padding="same"), deep, **CLOSE)
