import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.seeds import seed_for
from benchmark.training.engine import Diverged, fit, to_device
from benchmark.training.features import FrozenFeatures
from benchmark.training.heads import HeadFit, fit_heads, only_a_head_learns
from benchmark.training.network import Head, Network, Normalise
from benchmark.training.step import Recipe, TrainingSet
from tests.conftest import make_block

RECIPE = Recipe(0.05, 1e-2, epochs=5, augmentation=1.0, label_smoothing=0.1, batch_size=8)
#: Of 3, 2 and 3 batches an epoch; the last have 6 and 5 rows.
ROWS = (np.arange(24), np.arange(9), np.arange(3, 20))


@pytest.fixture(params=["binary", "multiclass", "multilabel"])
def data(request, tmp_path):
    classes = 2 if request.param == "binary" else 3
    block = make_block(tmp_path, classes, request.param)
    images = to_device(block.images(block.subsample), torch.device("cpu"))
    targets = torch.from_numpy(block.labels)
    if request.param == "multilabel":
        targets[::5, 1] = math.nan
        targets[2, :] = math.nan
    return TrainingSet(images, targets, request.param, True, FrozenFeatures(images, True, 0, "cell"))


def build(data):
    trunk = nn.Sequential(Normalise([0.5], [0.25]), nn.AvgPool2d(4), nn.Flatten())
    return Network(Head(16, data.targets.shape[1]), trunk, "trunk")


def side_by_side(data, recipe, heard=lambda place, *told: None, rows=ROWS):
    fits = [
        HeadFit(some, seed_for(0, "fit", fold=place), lambda *told, place=place: heard(place, *told))
        for place, some in enumerate(rows)
    ]
    return fit_heads(lambda: build(data), data, fits, recipe)


def alone(data, recipe, place, watch=None):
    return fit(lambda: build(data), data, ROWS[place], recipe, seed_for(0, "fit", fold=place), watch)


@pytest.mark.parametrize("rate", [0.05, 5.0])  # at the higher one gradients are clipped
def test_heads_side_by_side_are_the_heads_that_each_would_be_alone(data, rate):
    recipe = dataclasses.replace(RECIPE, learning_rate=rate)
    told, expected = {}, {}

    def watch(into):
        return lambda place, epoch, loss, network: into.setdefault(place, []).append(
            (epoch, loss, network.learned.weight.detach().clone())
        )

    networks = side_by_side(data, recipe, watch(told))
    for place, network in enumerate(networks):
        other = alone(data, recipe, place, lambda *args, place=place: watch(expected)(place, *args))
        torch.testing.assert_close(network.learned.state_dict(), other.learned.state_dict(), rtol=1e-4, atol=1e-5)
        for one, two in zip(told[place], expected[place], strict=True):
            assert one[0] == two[0]
            assert one[1] == pytest.approx(two[1], rel=1e-4)
            torch.testing.assert_close(one[2], two[2], rtol=1e-4, atol=1e-5)


def test_a_head_that_diverges_leaves_the_others_alone(data):
    lost = data.features.view(build(data), 0.5, 1)  # the images of the second epoch
    lost[22] = math.inf
    recipe = dataclasses.replace(RECIPE, epochs=3, augmentation=0.5)
    epochs = []
    ends = side_by_side(data, recipe, lambda place, epoch, loss, network: epochs.append((place, epoch)))
    assert isinstance(ends[0], Diverged) and str(ends[0]) == "the loss was not finite in epoch 2 of 3"
    assert sorted(epochs) == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    for place in (1, 2):
        expected = alone(data, recipe, place).learned.state_dict()
        torch.testing.assert_close(ends[place].learned.state_dict(), expected, rtol=1e-4, atol=1e-5)


def test_only_a_plain_head_on_frozen_features_is_fitted_so(data):
    network = build(data)
    assert only_a_head_learns(network)
    assert not only_a_head_learns(Network(network.learned))
    assert not only_a_head_learns(Network(nn.Sequential(nn.Dropout(), network.learned), network.frozen, "trunk"))
