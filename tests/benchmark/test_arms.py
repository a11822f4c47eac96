"""Every arm keeps the contract; a new file in the folder is tested by being there."""

import numpy as np
import pytest
import torch

from benchmark import arms
from benchmark.arms.contract import Setting
from benchmark.errors import InputError
from benchmark.seeds import seed_for
from benchmark.training.engine import Recipe, fit, predict, seeded
from benchmark.training.features import FrozenFeatures
from benchmark.weights.find import WeightFile, find
from benchmark.weights.load import load_backbone, save_checkpoint
from studies import spaces

BACKBONE = "resnet10t"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    with seeded(seed_for(0, "test")):
        state = load_backbone(BACKBONE, None).state_dict()
    card = {"backbone": BACKBONE, "trained_on": ["toy"], "mean": [0.5] * 3, "std": [0.25] * 3}
    save_checkpoint(path, state, {**card, "role": "medical"})
    imagenet = path.with_name("imagenet.safetensors")
    save_checkpoint(imagenet, state, {**card, "role": "imagenet"})
    return {role: find(BACKBONE, role, file) for role, file in (("medical", path), ("imagenet", imagenet))}


def cases():
    return [(name, choice) for name in arms.names() for choice in arms.find(name).OWN.choices]


@pytest.mark.parametrize(("name", "choice"), cases())
@pytest.mark.parametrize("channels", [1, 3])
def test_every_choice_trains_and_predicts(name, choice, channels, weights):
    arm = arms.find(name)
    setting = Setting(BACKBONE, channels, 3)
    file: WeightFile | None = weights[arm.ROLE] if arm.ROLE else None
    prepared = arm.prepare(setting, file)
    before = None if prepared is None else {k: v.clone() for k, v in prepared.backbone.state_dict().items()}
    images = torch.randint(0, 256, (12, channels, 32, 32), dtype=torch.uint8)
    targets = torch.eye(3)[torch.arange(12) % 3]
    parameters = spaces.default(arm, 2) | {arm.OWN.name: choice}
    network = fit(
        lambda: arm.build(prepared, setting, parameters),
        images,
        targets,
        np.arange(12),
        Recipe(1e-2, 1e-3, 2, 0.5, 0.1, 6),
        "multiclass",
        True,
        FrozenFeatures(images, True, 0, "cell"),
        seed_for(0, "fit"),
    )
    scores = predict(network, images, "multiclass")
    assert scores.shape == (12, 3)
    assert torch.allclose(scores.sum(1), torch.ones(12), atol=1e-5)
    if before is not None:
        after = prepared.backbone.state_dict()
        assert all(torch.equal(after[k], before[k]) for k in before), "a fit changed the shared backbone"


def test_depth_decides_what_learns(weights):
    arm = arms.find("medical")
    setting = Setting(BACKBONE, 1, 2)
    prepared = arm.prepare(setting, weights["medical"])
    sizes = {}
    for depth in arm.OWN.choices:
        network = arm.build(prepared, setting, {"depth": depth})
        sizes[depth] = sum(p.numel() for p in network.learned.parameters())
    assert sizes["head"] == prepared.backbone.num_features * 2 + 2
    assert sizes["head"] < sizes["last"] < sizes["all"]


def test_the_near_miss_of_an_unknown_arm():
    with pytest.raises(InputError, match="Did you mean 'imagenet'"):
        arms.find("imagnet")
