import copy

import pytest
import timm
import torch
from torch import nn

from benchmark.training.folding import cast_once, folded
from benchmark.training.quick_layers import quicken
from benchmark.weights.build import create


def settled(model):
    """A model whose normalisations have statistics of their own."""
    torch.manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2.0)
            nn.init.normal_(part.weight, 1, 0.1)
            nn.init.normal_(part.bias, 0, 0.1)
    return model.to(memory_format=torch.channels_last)


def norms(model):
    return [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet10t", "mobilenetv3_small_050"])
def test_a_folded_backbone_computes_the_same_without_normalisations(name):
    model = quicken(settled(timm.create_model(name, num_classes=0)))
    before = copy.deepcopy(model.state_dict())
    quick = folded(model)
    assert norms(quick) == []
    images = torch.randn(3, 3, 48, 48).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = model.eval()(images)
        torch.testing.assert_close(quick(images), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "convnext_atto", "mambaout_femto", "densenet121"]
)
def test_families_with_other_layers_compute_the_same_when_quickened_and_folded(name):
    plain = settled(create(name, 32)).eval()
    quick = quicken(copy.deepcopy(plain))
    frozen = folded(quick)
    images = torch.randn(3, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = plain(images)
        tolerance = {"rtol": 1e-4, "atol": 1e-5 * float(expected.abs().max())}
        torch.testing.assert_close(quick(images), expected, **tolerance)
        torch.testing.assert_close(frozen(images), expected, **tolerance)


class Twice(nn.Module):
    """Its convolution's output is also used without the normalisation."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images):
        maps = self.convolution(images)
        return self.norm(maps) + maps


class Shared(Twice):
    """The convolution runs a second time, without the normalisation."""

    def forward(self, images):
        return self.norm(self.convolution(images)) + self.convolution(images.flip(3))


@pytest.mark.parametrize("kind", [Twice, Shared])
def test_an_output_that_is_used_twice_is_not_folded(kind):
    model = settled(kind()).eval()
    kept = folded(model)
    assert len(norms(kept)) == 1
    images = torch.randn(1, 3, 8, 8)
    assert torch.equal(kept(images), model(images))


def test_a_model_without_normalisations_is_copied():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    kept = folded(model)
    assert kept is not model and torch.equal(kept[1].weight, model[1].weight)


def in_bfloat16(model, images):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return model(images)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet10t", "vit_tiny_patch16_224"])
def test_weights_that_are_cast_once_give_the_bits_of_those_cast_for_every_batch(name):
    size = {"img_size": 32} if name.startswith("vit") else {}
    model = folded(quicken(settled(timm.create_model(name, num_classes=0, **size))))
    quick = cast_once(model, 32)
    assert torch.bfloat16 in {parameter.dtype for parameter in quick.parameters()}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    images = torch.randn(5, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    assert torch.equal(in_bfloat16(quick, images), in_bfloat16(model, images))


def test_weights_that_a_layer_standardises_first_stay_in_single_precision():
    torch.manual_seed(0)
    model = nn.Sequential(timm.layers.StdConv2d(3, 8, 3), nn.Flatten()).eval()
    assert cast_once(model, 32) is model
