"""Harmonic kernels: the filters against SciPy's transform, and convolutions against their definition."""

import pytest
import torch
import torch.nn.functional as F
from scipy.fft import idctn

from benchmark.methods import NetworkSpec, scratch
from benchmark.seeds import seed_for
from benchmark.training.harmonic import Beside, Harmonic, HarmonicStem, filters
from benchmark.training.streams import seeded


@pytest.fixture(autouse=True)
def drawn():
    with seeded(seed_for(0, "test")):
        yield


def test_the_filters_are_the_cosine_transforms_own():
    bank = filters(5)
    pairs = [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0), (1, 2), (2, 1), (2, 2)]
    for filter_, (u, v) in zip(bank, pairs, strict=True):
        one = torch.zeros(3, 3)
        one[u, v] = 1
        assert torch.allclose(filter_, torch.from_numpy(idctn(one.numpy(), norm="ortho")), atol=1e-6)
    assert [len(filters(below)) for below in (1, 2, 3, 4, 5, 6)] == [1, 3, 6, 8, 9, 9]
    assert torch.allclose(bank.flatten(1) @ bank.flatten(1).T, torch.eye(9), atol=1e-6)


def test_a_kernel_is_a_combination_of_the_responses():
    layer, maps = Harmonic(2, 4, below=3), torch.randn(1, 2, 7, 7)
    responses = torch.stack([F.conv2d(maps[:, [i]], filters(3)[:, None], padding=1) for i in range(2)], 1)
    assert torch.allclose(layer(maps), torch.einsum("bifhw,oif->bohw", responses, layer.weight), atol=1e-5)
    assert sum(parameter.numel() for parameter in layer.parameters()) == 4 * 2 * 6


def test_the_stem_normalises_every_response_before_it_is_combined():
    stem, images = HarmonicStem(3, 5), torch.randn(6, 3, 16, 16) * torch.tensor([1.0, 10, 100])[:, None, None]
    seen = []
    stem.combine.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    assert stem(images).shape == (6, 5, 16, 16)
    assert torch.allclose(seen[0].std((0, 2, 3)), torch.ones(27), atol=0.01)


def test_what_stands_beside_adds_nothing_at_first():
    maps = torch.randn(2, 8, 5, 5)
    assert torch.equal(Beside(8, 3)(maps), maps)


def test_it_has_fewer_parameters_the_fewer_frequencies_it_is_given():
    sizes = []
    for frequencies in (2, 3, 5):
        network = scratch.build(None, NetworkSpec("harmonic", 1, 2, 32), {"frequencies": frequencies})
        sizes.append(sum(parameter.numel() for parameter in network.learned.parameters()))
    assert sizes == sorted(sizes) and sizes[0] < 0.4 * sizes[2] and sizes[2] < 5e5
