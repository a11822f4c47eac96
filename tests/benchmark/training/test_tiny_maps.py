import copy

import pytest
import timm
import torch

from benchmark.training.tiny_maps import CentreDepthwise, patch_depthwise


@pytest.mark.parametrize("size", [32, 64])
def test_the_quick_path_changes_neither_outputs_nor_gradients(size):
    torch.manual_seed(0)
    plain = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    quick = patch_depthwise(copy.deepcopy(plain))
    assert any(isinstance(part, CentreDepthwise) for part in quick.modules())
    assert list(quick.state_dict()) == list(plain.state_dict())
    images = torch.randn(3, 3, size, size)
    passes = []
    for model in (plain, quick):
        features = model(images)
        features.square().sum().backward()
        passes.append((features, [parameter.grad for parameter in model.parameters()]))
    torch.testing.assert_close(passes[0][0], passes[1][0], rtol=1e-4, atol=1e-5)
    for one, other in zip(passes[0][1], passes[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()) + 1e-7)


def test_maps_of_several_pixels_keep_the_librarys_bits():
    model = patch_depthwise(timm.create_model("tf_efficientnet_lite0", num_classes=0).eval())
    convolution = next(part for part in model.modules() if isinstance(part, CentreDepthwise))
    inputs = torch.randn(2, convolution.in_channels, 4, 4)
    expected = torch.nn.functional.conv2d(
        inputs, convolution.weight, None, convolution.stride, convolution.padding, 1, convolution.groups
    )
    assert torch.equal(convolution(inputs), expected)
