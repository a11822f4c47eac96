"""What a backbone takes is known before it is built: sizes of images, stochastic depth, the width of its features."""

from __future__ import annotations

import pytest
import torch

from benchmark.errors import InputError
from benchmark.weights import build
from benchmark.weights.build import create, feature_width, require_size, traits, working_sizes
from tests.benchmark.weights import tiny_networks  # noqa: F401  (registers them)


@pytest.mark.parametrize(
    ("backbone", "size", "works"),
    [
        ("vit_tiny_patch16_224", 64, (64,)),
        ("swin_tiny_patch4_window7_224", 64, (64,)),
        ("eva02_tiny_patch14_224", 64, (56, 70, 224)),
        ("vit_small_patch14_dinov2", 224, (224,)),
        ("vit_small_patch14_dinov2", 64, (56, 70, 518)),
        ("inception_v3", 64, (96, 299)),
        ("resnet10t", 50, (50,)),
    ],
)
def test_sizes_that_work(backbone: str, size: int, works: tuple[int, ...]) -> None:
    assert working_sizes(backbone, size) == works


def test_a_size_that_a_backbone_cannot_take_is_refused_with_those_it_can() -> None:
    with pytest.raises(
        InputError,
        match=r"vit_small_patch14_dinov2 cannot take images of 64 px: its patches of 14 px would leave out the last "
        r"8 px\. Sizes that work: 56 px, 70 px, 518 px; give one as --image-size",
    ):
        create("vit_small_patch14_dinov2", 64)
    with pytest.raises(InputError, match=r"inception_v3 cannot take images of 64 px: .*Sizes that work: 96 px, 299 px"):
        require_size("inception_v3", 64)


@pytest.mark.parametrize(
    "backbone", ["mobilenetv3_small_050", "mambaout_femto", "resnet10t", "tiny_vit", "tiny_siglip", "tiny_swin"]
)
def test_the_width_of_the_features_is_what_the_network_gives(backbone: str) -> None:
    model = create(backbone, 64).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 64)).shape == (1, feature_width(model))


@pytest.mark.parametrize(
    ("backbone", "has"),
    [
        ("resnet10t", True),
        ("tiny_swin", True),
        ("deit_tiny_distilled_patch16_224", True),
        ("densenet121", False),
        ("vgg11", False),
    ],
)
def test_which_families_have_stochastic_depth(backbone: str, has: bool) -> None:
    assert traits(backbone).drop_path is has


def test_no_stochastic_depth_is_none_even_where_a_family_has_another_default() -> None:
    from timm.layers import DropPath

    rates = [
        {m.drop_prob for m in create("tiny_swin", 64, rate).modules() if isinstance(m, DropPath)} for rate in (0, 0.2)
    ]
    assert rates[0] <= {0.0} and max(rates[1]) == pytest.approx(0.2)


@pytest.mark.parametrize("backbone", ["tiny_vit", "resnet10t"])
def test_finding_out_what_a_backbone_takes_draws_nothing(backbone: str) -> None:
    """A run draws the same weights, whether or not the empty passes were made before in the same process."""
    weights = []
    for _ in range(2):
        torch.manual_seed(4)
        weights.append(torch.cat([value.flatten().float() for value in create(backbone, 32).state_dict().values()]))
        if len(weights) == 1:
            before = torch.random.get_rng_state()
            build.traits.cache_clear()
            build._refusal.cache_clear()
            require_size(backbone, 48)
            assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(*weights)
