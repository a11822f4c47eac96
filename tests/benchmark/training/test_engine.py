import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.seeds import seed_for
from benchmark.training import step
from benchmark.training.engine import Diverged, fit, predict, to_device, warm_cosine
from benchmark.training.features import FrozenFeatures, frozen_features, joined
from benchmark.training.network import Head, Network, Normalise
from benchmark.training.norms import NormReluPool
from benchmark.training.step import Recipe, TrainingSet, classification_loss, parameter_groups

RECIPE = Recipe(learning_rate=0.02, weight_decay=1e-3, epochs=4, augmentation=0.25, label_smoothing=0.0, batch_size=8)


def linear():
    return Network(nn.Sequential(Normalise([0.5], [0.25]), nn.Flatten(), nn.Linear(256, 2)))


def trunk():
    torch.manual_seed(7)
    return nn.Sequential(Normalise([0.5], [0.25]), nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.Flatten())


@pytest.fixture
def data(toy_block):
    images = to_device(toy_block.images(toy_block.subsample), torch.device("cpu"))
    targets = torch.from_numpy(toy_block.labels)
    return TrainingSet(images, targets, "binary", True, FrozenFeatures(images, True, 0, "cell"))


def train(build, data, seed=0, recipe=RECIPE):
    return fit(build, data, np.arange(len(data.images)), recipe, seed_for(0, "fit", trial=seed))


def test_it_learns_and_the_same_seed_gives_the_same_bits(data):
    first = predict(train(linear, data), data.images, "binary")
    assert ((first.argmax(1) == data.targets.argmax(1)).float().mean()) > 0.9
    assert torch.equal(first, predict(train(linear, data), data.images, "binary"))
    assert not torch.equal(first, predict(train(linear, data, seed=1), data.images, "binary"))


def test_a_fit_leaves_the_global_generator_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(linear, data)
    assert torch.equal(torch.rand(3), expected)


def test_a_frozen_part_is_neither_trained_nor_moved(data):
    frozen = trunk()
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    network = train(lambda: Network(nn.Linear(196, 2), frozen, "trunk"), data)
    for name, value in frozen.state_dict().items():
        assert torch.equal(value, before[name]), name
    uncached = predict(network, data.images, "binary")
    cached = predict(network, data.images, "binary", cached=frozen_features(network, data.images))
    assert torch.equal(uncached, cached)


def test_the_memory_for_frozen_features_changes_no_bit(data):
    frozen = trunk()

    def scores(capacity):
        features = FrozenFeatures(data.images, True, 0, "cell", capacity=capacity)
        limited = dataclasses.replace(data, features=features)
        network = train(lambda: Network(nn.Linear(196, 2), frozen, "trunk"), limited)
        return predict(network, data.images, "binary")

    assert torch.equal(scores(0), scores(2**30))


def test_layers_without_gradient_keep_their_statistics(data):
    def build():
        convolution, norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        for parameter in (*convolution.parameters(), *norm.parameters()):
            parameter.requires_grad_(False)
        return Network(nn.Sequential(convolution, norm, nn.Flatten(), nn.Linear(4 * 14 * 14, 2)))

    network = train(build, data)
    assert torch.equal(network.learned[1].running_mean, torch.zeros(4))


def test_divergence_is_said_with_its_epoch(data):
    recipe = Recipe(float("inf"), 0.0, 2, 0.0, 0.0, 8)
    with pytest.raises(Diverged, match="in epoch 1 of 2"):
        train(linear, data, recipe=recipe)


def test_one_step_without_a_number_is_not_forgotten_by_the_end_of_its_epoch(data, monkeypatch):
    steps = []

    def loss(*arguments):
        steps.append(1)
        return classification_loss(*arguments) * (math.nan if len(steps) == 4 else 1.0)

    monkeypatch.setattr(step, "classification_loss", loss)
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)  # so that the weights stay finite
    with pytest.raises(Diverged, match="in epoch 2 of 4"):
        train(linear, data, recipe=dataclasses.replace(RECIPE, batch_size=math.ceil(len(data.images) / 3)))
    assert len(steps) == 6


def test_a_large_gradient_is_clipped_and_a_small_one_kept():
    for size in (0.1, 30.0):
        parameter = torch.nn.Parameter(torch.zeros(4))
        parameter.grad = torch.full((4,), size / 2)
        assert step.clip([parameter]).item() == pytest.approx(size)
        assert parameter.grad.norm().item() == pytest.approx(min(size, step.LARGEST_NORM))


def test_bfloat16_learns_with_a_head_and_weights_in_single_precision(data):
    def build():
        layers = (nn.Conv2d(1, 8, 3), NormReluPool(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), Head(8, 2))
        return Network(nn.Sequential(Normalise([0.5], [0.25]), *layers))

    single, half = (train(build, dataclasses.replace(data, precision=p)) for p in ("float32", "bfloat16"))
    assert {parameter.dtype for parameter in half.learned.parameters()} == {torch.float32}
    one, other = (predict(n, data.images, "binary", precision=p) for n, p in ((single, "float32"), (half, "bfloat16")))
    assert not torch.equal(one, other)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0)


def test_features_from_the_cached_trunk_are_the_same_bits_as_from_the_images(data):
    below = Network(nn.Identity(), trunk(), "trunk")
    torch.manual_seed(3)
    above = Network(nn.Linear(5, 2), nn.Linear(196, 5), "above", below=below)
    passes = []
    for module in (below.frozen, above.frozen):
        module.register_forward_hook(lambda part, inputs, output: passes.append(part))
    direct = FrozenFeatures(data.images, True, 0, "cell").view(above, 0.5, 3)
    shared = FrozenFeatures(data.images, True, 0, "cell")
    shared.view(below, 0.5, 3)
    passes.clear()
    assert torch.equal(shared.view(above, 0.5, 3), direct)
    assert below.frozen not in passes, "the trunk's features were at hand"
    assert torch.equal(frozen_features(above, data.images), shared.clean(above))


@pytest.mark.parametrize("shape", [(64, 3, 5, 5), (64, 3, 1, 1), (64, 1, 5, 5), (64, 7, 3), (64, 7), (1, 3, 5, 5)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("numbers", [(1,), (1, 1), (1, 1, 0.2)])
def test_parts_are_joined_to_the_same_order_in_memory_as_by_the_library(shape, layout, numbers):
    parts = [torch.randn(max(1, round(shape[0] * number)), *shape[1:]) for number in numbers]
    if len(shape) == 4:
        parts = [part.contiguous(memory_format=layout) for part in parts]
    expected = torch.cat(parts)
    result = joined(iter(parts), len(expected))
    assert torch.equal(result, expected)
    assert result.stride() == expected.stride()


def test_unknown_labels_take_no_part_in_the_loss():
    logits = torch.tensor([[0.3, -2.0], [1.0, 5.0]], requires_grad=True)
    targets = torch.tensor([[1.0, math.nan], [0.0, 1.0]])
    loss = classification_loss(logits, targets, "multilabel", 0.0)
    loss.backward()
    assert logits.grad[0, 1] == 0
    expected = (math.log1p(math.exp(-0.3)) + math.log1p(math.exp(1.0)) + math.log1p(math.exp(-5.0))) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_weight_decay_spares_biases_and_the_schedule_ends_at_zero():
    decayed, spared = parameter_groups(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), 0.1)
    assert [p.shape for p in decayed["params"]] == [(2, 3)]
    assert spared["weight_decay"] == 0.0
    factor = warm_cosine(20)
    assert factor(0) < factor(1) == 1.0
    assert factor(19) < 0.02
