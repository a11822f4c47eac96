"""The quick layers against the library's, in double precision where it decides."""

import copy

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from torch import nn

from benchmark.training import kernels
from benchmark.training.depthwise import QuickDepthwise
from benchmark.training.norms import NormReluPool, QuickNorm
from benchmark.training.pointwise import QuickPointwise
from benchmark.training.quick_layers import quicken

LAST = torch.channels_last


@pytest.fixture(autouse=True)
def fixed():
    pytest.importorskip("numba")
    torch.manual_seed(0)


def images(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype).contiguous(memory_format=LAST)


def passed(module, inputs):
    """Outputs, gradients of input and parameters, and buffers after one training pass."""
    inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_()
    module.zero_grad()
    outputs = module(inputs)
    torch.manual_seed(1)
    outputs.backward(torch.randn(outputs.shape).to(outputs.dtype))
    return [outputs, inputs.grad, *(p.grad for p in module.parameters()), *module.buffers()]


def assert_same(quick, plain, inputs, tolerance=1e-5):
    """Quick results lie as near to the library's double precision as rounding allows."""
    expected = passed(copy.deepcopy(plain).double(), inputs.double())
    for got, exact in zip(passed(quick, inputs), expected, strict=True):
        assert got.shape == exact.shape
        difference = (got.double() - exact).abs().max()
        assert difference <= tolerance * exact.abs().max().clamp_min(1e-6), f"{tuple(exact.shape)}: {difference:.1e}"


def quickened(plain, kind):
    quick = quicken(nn.Sequential(copy.deepcopy(plain)))[0]
    assert isinstance(quick, kind)
    return quick


@pytest.mark.parametrize("kind", [nn.Conv2d, Conv2dSame])
@pytest.mark.parametrize(
    ("size", "stride", "shape"),
    [
        (3, 1, (3, 32, 9, 8)),
        (3, 2, (3, 16, 9, 8)),
        (5, 1, (2, 24, 4, 4)),
        (5, 2, (2, 24, 7, 6)),
        (7, 1, (2, 8, 3, 5)),
        (7, 2, (2, 8, 12, 11)),
        (5, 2, (3, 16, 2, 2)),
        (3, 1, (4, 16, 1, 1)),
        (5, 2, (4, 16, 1, 1)),
        (3, 2, (1, 2, 5, 1)),
        (3, 1, (6, 16, 32, 32)),
    ],
)
def test_depthwise_gradients_are_the_librarys(kind, size, stride, shape):
    margin = {"padding": size // 2} if kind is nn.Conv2d else {}
    plain = kind(shape[1], shape[1], size, stride, groups=shape[1], bias=size == 3, **margin)
    assert_same(quickened(plain, QuickDepthwise), plain, images(*shape))


@pytest.mark.parametrize("layout", ["NCHW", "float64"])
def test_what_the_loops_cannot_read_goes_to_the_library(layout, monkeypatch):
    plain = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    inputs = torch.randn(2, 8, 5, 5)
    if layout == "float64":
        plain, inputs = plain.double(), inputs.double().contiguous(memory_format=LAST)
    quick = quickened(plain, QuickDepthwise)
    assert kernels.loops_for(inputs) is None
    for got, exact in zip(passed(quick, inputs), passed(plain, inputs), strict=True):
        assert torch.equal(got, exact)


def test_layers_of_another_kind_are_left_alone():
    odd = [
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 4, padding=2, groups=8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, padding_mode="reflect"),
        nn.Conv2d(8, 8, 3, padding=1, groups=2),
        nn.Conv2d(8, 8, 1, stride=2),
        nn.BatchNorm2d(8, momentum=None),
        nn.BatchNorm2d(8, affine=False),
    ]
    kinds = [type(part) for part in odd]
    assert [type(part) for part in quicken(nn.Sequential(*odd))] == kinds


@pytest.mark.parametrize("shape", [(5, 96, 7, 6), (4, 8, 6, 6), (3, 3, 5, 5), (6, 200, 1, 1)])
@pytest.mark.parametrize("act", [None, nn.ReLU, nn.ReLU6])
def test_norm_and_activation_are_the_librarys(shape, act):
    plain = nn.BatchNorm2d(shape[1])
    if act is not None:
        plain = timm.layers.BatchNormAct2d(shape[1], act_layer=act, inplace=False)
    nn.init.normal_(plain.weight, 1, 0.5)
    nn.init.normal_(plain.bias, 1, 2.0)
    inputs = images(*shape) * 2 + 10
    quick = quickened(plain, QuickNorm)
    assert_same(quick, plain, inputs, tolerance=2e-5)
    for part in (quick, plain):
        part.load_state_dict(quick.state_dict())
        part.eval()
    with torch.no_grad():
        torch.testing.assert_close(quick(inputs), plain(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 16, 8, 8), (3, 24, 7, 5), (2, 3, 2, 3), (2, 4, 1, 1)])
def test_norm_relu_and_pooling_are_the_three_layers(shape):
    if min(shape[2:]) < 2:
        with pytest.raises(RuntimeError, match="too small"):
            NormReluPool(shape[1])(images(*shape))
        return
    quick = NormReluPool(shape[1])
    nn.init.normal_(quick.weight)  # of both signs
    three = nn.Sequential(nn.BatchNorm2d(shape[1]), nn.ReLU(), nn.MaxPool2d(2))
    three[0].load_state_dict(quick.state_dict())
    assert_same(quick, three, images(*shape), tolerance=2e-5)


def test_of_equal_largest_pixels_the_first_receives_the_gradient():
    quick = NormReluPool(1).train()
    inputs = images(1, 1, 2, 4)
    inputs[0, 0] = torch.tensor([[1.0, 3.0, 0.0, 0.0], [3.0, 2.0, 5.0, 5.0]])
    three = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU(), nn.MaxPool2d(2))
    assert_same(quick, three, inputs, tolerance=2e-5)


@pytest.mark.parametrize("layer", [lambda: quickened(nn.BatchNorm2d(8), QuickNorm), lambda: NormReluPool(8)])
def test_one_value_a_channel_cannot_be_normalised(layer):
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer()(images(1, 8, 1, 1))


@pytest.mark.parametrize("shape", [(3, 16, 5, 4), (2, 8, 1, 1)])
def test_a_pointwise_convolution_is_a_product(shape):
    plain = nn.Conv2d(shape[1], 12, 1)
    assert_same(quickened(plain, QuickPointwise), plain, images(*shape))


@pytest.mark.parametrize("layer", [lambda: quickened(nn.BatchNorm2d(8), QuickNorm), lambda: NormReluPool(8)])
def test_not_a_number_is_passed_on(layer):
    inputs = images(2, 8, 4, 4)
    inputs[0, 0, 0, 0] = torch.nan
    assert torch.isnan(layer()(inputs)).any()


def lite0():
    return timm.create_model("tf_efficientnet_lite0", num_classes=0).to(memory_format=LAST).train()


def test_a_quickened_network_computes_what_it_did_to_the_same_bits_each_time():
    plain = lite0()
    quick = quicken(copy.deepcopy(plain))
    assert list(quick.state_dict()) == list(plain.state_dict())
    kinds = {kind: sum(isinstance(part, kind) for part in quick.modules()) for kind in (QuickDepthwise, QuickNorm)}
    assert kinds == {QuickDepthwise: 16, QuickNorm: 49}
    inputs = images(6, 3, 64, 64)
    first, again, other = (passed(copy.deepcopy(model), inputs) for model in (quick, quick, plain))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    exact = passed(copy.deepcopy(plain).double(), inputs.double())
    quick_error, error = (
        sum(float((a.double() - b).square().sum()) for a, b in zip(values[1:], exact[1:], strict=True))
        for values in (first, other)
    )
    assert quick_error <= error, "gradients as near to double precision as the library's"


@pytest.mark.parametrize("layer", ["norm", "pool", "depthwise", "strided"])
def test_bfloat16_rounds_and_no_more(layer):
    plain, quick = {
        "norm": lambda: (plain := nn.BatchNorm2d(16), quickened(plain, QuickNorm)),
        "pool": lambda: (nn.Sequential(nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)), NormReluPool(16)),
        "depthwise": lambda: (plain := nn.Conv2d(16, 16, 5, 1, 2, groups=16), quickened(plain, QuickDepthwise)),
        "strided": lambda: (plain := Conv2dSame(16, 16, 3, 2, groups=16), quickened(plain, QuickDepthwise)),
    }[layer]()
    inputs = images(6, 16, 8, 8, dtype=torch.bfloat16)
    results = passed(copy.deepcopy(quick), inputs)
    assert results[0].dtype == results[1].dtype == torch.bfloat16
    assert all(value.dtype == torch.float32 for value in results[2:4])
    assert_same(quick, copy.deepcopy(plain), inputs, tolerance=0.02) if layer != "pool" else None
    if layer == "pool":
        expected = F.max_pool2d(F.relu(nn.BatchNorm2d(16)(inputs.float())), 2)
        torch.testing.assert_close(results[0].float(), expected, rtol=0.01, atol=0.01)


def test_without_numba_the_library_computes_the_same(monkeypatch):
    quick, inputs = quicken(lite0()), images(6, 3, 64, 64)
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    kernels.compiled.cache_clear()
    try:
        plain = lite0()
        plain.load_state_dict(quick.state_dict())
        first, other = passed(quick, inputs), passed(plain, inputs)
        torch.testing.assert_close(first[0], other[0], rtol=1e-3, atol=1e-3)
        assert kernels.compiled() is None
    finally:
        kernels.compiled.cache_clear()


def test_maps_of_one_pixel_at_32_px_are_read_right():
    plain = lite0().eval()
    quick = quicken(copy.deepcopy(plain))
    inputs = images(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(quick(inputs), plain(inputs), rtol=1e-4, atol=1e-5)
