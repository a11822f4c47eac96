"""Steps replayed as graphs on a card give what the same steps give one by one; what needs no card is tested without."""

import dataclasses
import math
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import methods
from benchmark.methods import NetworkSpec
from benchmark.seeds import seed_for
from benchmark.training import replay
from benchmark.training.augment import mixture, mixup
from benchmark.training.engine import Diverged, configure, fit, fitting, predict
from benchmark.training.features import FrozenFeatures
from benchmark.training.network import Head, Network, Normalise
from benchmark.training.replay import Replayed, _laid_out
from benchmark.training.step import Recipe, Step, TrainingSet
from benchmark.training.streams import seeded

RECIPE = Recipe(3e-3, 1e-3, epochs=3, augmentation=0.8, label_smoothing=0.1, batch_size=16)
IMAGES, SIZE = 50, 32  # of 4 batches an epoch, two of 13 and two of 12

card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no card")


def test_a_batch_that_is_not_mixed_is_laid_out_as_a_mixture_that_keeps_it():
    batches = [torch.tensor([4, 2, 7]), torch.tensor([1, 3])]
    rows, values = _laid_out(batches, [None, (torch.tensor([1, 0]), 0.25)], [0.1, 0.2])
    assert rows[0].tolist() == [[4, 2, 7], [0, 1, 2]]
    assert rows[1, :, :2].tolist() == [[1, 3], [1, 0]]
    assert values.tolist() == [pytest.approx([1.0, 0.1]), pytest.approx([0.25, 0.2])]
    inputs, targets = torch.rand(3, 2, 5), torch.tensor([[0.0, 1.0], [1.0, 0.0], [math.nan, 1.0]])
    kept = mixup(inputs, targets, (rows[0, 1], values[0, 0]))
    assert torch.equal(kept[0], inputs) and torch.equal(kept[1][:2], targets[:2]) and torch.isnan(kept[1][2, 0])


def test_a_share_that_a_card_holds_mixes_as_the_number_does():
    for dtype in (torch.float32, torch.bfloat16):
        inputs, targets = torch.rand(6, 3, dtype=torch.float32).to(dtype), torch.rand(6, 2)
        partner = torch.randperm(6)
        by_number = mixup(inputs, targets, (partner, 0.3))
        by_tensor = mixup(inputs, targets, (partner, torch.tensor(0.3)))
        assert by_tensor[0].dtype == dtype
        for number, tensor in zip(by_number, by_tensor, strict=True):
            assert torch.allclose(number.float(), tensor.float(), rtol=1e-2 if dtype == torch.bfloat16 else 1e-6)


class Again:
    """Instead of a graph where there is no card: makes the step."""

    def __init__(self, replayed, size):
        self.replay = lambda: replayed._once(size)


@pytest.fixture
def no_card(monkeypatch):
    """The class without a card; gives the batch sizes that were captured."""
    captured = []

    def capture(self, size):
        captured.append(size)
        self._graphs[size] = Again(self, size)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(replay, "_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(Replayed, "_capture", capture)
    return captured


def test_every_batch_is_learned_from_once_with_its_own_mixture_and_rate(no_card):
    """Without a card: what is written to where a graph reads it is what the step is given one by one."""
    cpu = torch.device("cpu")
    data = training_set(cpu, task="multilabel")
    order = torch.randperm(IMAGES, generator=torch.Generator().manual_seed(1))
    batches = order.tensor_split(4)  # of 13, 13, 12 and 12
    generator = torch.Generator().manual_seed(2)
    mixtures = [mixture(len(batch), 1.0, generator) for batch in batches]
    assert None in mixtures and any(mixtures), "some are mixed, and some are not"
    rates = [1e-3, 3e-3, 1e-3, 5e-4]

    def step_on():
        with seeded(seed()):
            network = build_of("scratch", "float32")()
        network.learned.train()
        return network, Step(network.learned, data, RECIPE, torch.Generator().manual_seed(4))

    network, step = step_on()
    replayed = Replayed(step)
    sums = []
    for _ in range(3):
        step.begin_epoch(None)
        replayed.epoch(batches, mixtures, rates)
        sums.append(step.end_epoch())
    assert no_card == [13, 12], "each size once, after a first step as it is"

    expected, alone = step_on()
    for epoch in range(3):
        alone.begin_epoch(None)
        for batch, drawn, rate in zip(batches, mixtures, rates, strict=True):
            alone.set_rate(rate)
            alone(batch, lambda drawn=drawn: drawn)
        assert alone.end_epoch() == pytest.approx(sums[epoch], rel=1e-4)
    for ours, theirs in zip(network.learned.parameters(), expected.learned.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.fixture
def on_card():
    """A process as a worker's on a card, put back afterwards."""
    threads, configured = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    configure(1, "cuda:0")
    yield torch.device("cuda:0")
    torch.use_deterministic_algorithms(configured)
    torch.set_num_threads(threads)


def training_set(device, precision="float32", task="binary", channels=3):
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (IMAGES, channels, SIZE, SIZE), generator=generator, dtype=torch.uint8).to(device)
    targets = torch.eye(2)[torch.arange(IMAGES) % 2]
    if task == "multilabel":
        targets[torch.rand(IMAGES, 2, generator=generator) < 0.2] = math.nan
    features = FrozenFeatures(images, True, 0, "cell", precision=precision)
    return TrainingSet(images, targets.to(device), task, True, features, precision)


def seed(number=0):
    return seed_for(0, "fit", trial=number)


ARMS = {
    "scratch": ("scratch", "simple-cnn", {"width": 8}),
    "dropped paths": ("scratch", "tf_efficientnet_lite0", {"drop_path": 0.2}),
    "dropout": ("scratch", "densenet121", {"dropout": 0.5}),
    "a transformer": ("scratch", "vit_tiny_patch16_224", {"drop_path": 0.1}),
}


def build_of(name, precision):
    method, backbone, own = ARMS[name]
    spec = NetworkSpec(backbone, 3, 2, SIZE, precision)
    return lambda: methods.trained(methods.find(method)).build(None, spec, own)


def trunk_and_head(precision="float32"):
    torch.manual_seed(5)
    frozen = nn.Sequential(Normalise([0.5] * 3, [0.25] * 3), nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU())

    def build():
        layers = (nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Network(nn.Sequential(*layers, Head(16, 2)), frozen, "trunk")

    return build


def scores(build, data, recipe=RECIPE, number=0):
    network = fit(build, data, np.arange(IMAGES), recipe, seed(number))
    return predict(network, data.images, data.task, precision=data.precision)


def one_by_one(monkeypatch):
    monkeypatch.setattr(Replayed, "_capture", lambda self, size: None)


@card
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", [*ARMS, "a frozen trunk"])
def test_replayed_steps_are_the_steps(on_card, name, precision, monkeypatch):
    build = trunk_and_head() if name == "a frozen trunk" else build_of(name, precision)
    data = training_set(on_card, precision)
    replayed = scores(build, data)
    assert torch.equal(replayed, scores(build, data)), "the same seed gives the same bits"
    assert not torch.equal(replayed, scores(build, data, number=1))
    one_by_one(monkeypatch)
    assert torch.equal(replayed, scores(build, data))


@card
def test_unknown_labels_and_no_augmentation_replay_as_well(on_card, monkeypatch):
    data = training_set(on_card, task="multilabel")
    recipe = dataclasses.replace(RECIPE, augmentation=0.0)
    replayed = scores(build_of("scratch", "float32"), data, recipe)
    one_by_one(monkeypatch)
    assert torch.equal(replayed, scores(build_of("scratch", "float32"), data, recipe))


@card
@pytest.mark.parametrize("name", ["dropped paths", "a frozen trunk"])
def test_fits_that_take_turns_are_the_fits_alone(on_card, name):
    build = trunk_and_head() if name == "a frozen trunk" else build_of(name, "float32")
    data = training_set(on_card)
    alone = [scores(build, data, number=number) for number in range(3)]
    together = [fitting(build, data, np.arange(IMAGES), RECIPE, seed(number)) for number in range(3)]
    networks = [next(steps) for steps in together]
    for _ in range(RECIPE.epochs):
        for steps in together:
            next(steps)
    for network, expected in zip(networks, alone, strict=True):
        assert torch.equal(predict(network, data.images, "binary"), expected)


@card
def test_a_watch_that_predicts_changes_nothing(on_card):
    data, build = training_set(on_card), build_of("dropped paths", "float32")
    seen = []

    def watch(epoch, loss, network):
        seen.append(loss)
        predict(network, data.images, "binary")

    watched = fit(build, data, np.arange(IMAGES), RECIPE, seed(), watch)
    assert torch.equal(predict(watched, data.images, "binary"), scores(build, data))
    assert len(seen) == RECIPE.epochs and all(map(math.isfinite, seen))


@card
def test_it_learns_and_leaves_the_generators_alone(on_card):
    data = training_set(on_card)
    data.images[::2] //= 4
    torch.manual_seed(5)
    expected = torch.rand(3, device=on_card)
    torch.manual_seed(5)
    reached = scores(build_of("scratch", "float32"), data, dataclasses.replace(RECIPE, epochs=10))
    assert (reached.argmax(1) == data.targets.cpu().argmax(1)).float().mean() > 0.9
    assert torch.equal(torch.rand(3, device=on_card), expected)


@card
def test_divergence_is_said_with_its_epoch(on_card):
    with pytest.raises(Diverged, match="in epoch 1 of 3"):
        scores(build_of("scratch", "float32"), training_set(on_card), dataclasses.replace(RECIPE, learning_rate=1e38))


class Waits(nn.Module):
    """Asks the card for a number, which a graph cannot."""

    def forward(self, maps):
        return maps * (1.0 if maps.sum().item() > 0 else 0.5)


@card
def test_a_network_that_waits_for_the_card_is_trained_one_step_at_a_time(on_card, monkeypatch):
    monkeypatch.setattr(Replayed, "possible", True)  # put back afterwards

    def build():
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), Head(8, 2))
        return Network(nn.Sequential(nn.Conv2d(3, 8, 3), Waits(), *head))

    data = training_set(on_card)
    before = scores(build_of("dropped paths", "float32"), data)
    with pytest.warns(RuntimeWarning, match="cannot be captured"):
        waited = scores(build, data)
    assert torch.equal(before, scores(build_of("dropped paths", "float32"), data)), "others are trained as before"
    one_by_one(monkeypatch)
    assert torch.equal(waited, scores(build, data))
