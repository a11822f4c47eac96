"""Folds that take turns, and the features that they, other trials, refits and cells share."""

import dataclasses
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.seeds import seed_for
from benchmark.spec import Cell
from benchmark.training.engine import Diverged, fit
from benchmark.training.feature_store import FeatureStore
from benchmark.training.network import Head, Network, Normalise
from studies import trainer
from studies.curves import Recorder
from studies.trainer import CellJob, Trainer, recipe_of

PARAMETERS = {
    "learning_rate": 1e-2, "weight_decay": 1e-3, "epochs": 4, "augmentation": 0.5, "label_smoothing": 0.1,
}  # fmt: skip


def frozen(seed=7):
    torch.manual_seed(seed)
    return nn.Sequential(Normalise([0.5], [0.25]), nn.Conv2d(1, 4, 3, stride=2), nn.ReLU())


def build(prepared, spec, parameters):
    """A trunk that is frozen, and a part that draws from the global generator in training."""
    layers = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), Head(4, 2)
    return Network(nn.Sequential(*layers), prepared, "trunk")


@pytest.fixture
def make(tiny_spec, toy_block, tmp_path, monkeypatch):
    """Makes trainers, each as a process of its own would have it."""
    monkeypatch.setattr(trainer, "FeatureStore", partial(FeatureStore, gain=0.0))

    def made(seed=0, weights=7, on_disk=True, **changes):
        spec = dataclasses.replace(tiny_spec, folds=3)
        block = dataclasses.replace(toy_block, seed=seed, folds=np.arange(24) // 2 % 3, **changes)
        one = Trainer(CellJob(Cell("toy", 12, seed, "scratch"), block, None, spec, tmp_path / "run", "cpu"))
        one.method = SimpleNamespace(build=build)
        one.prepared = frozen(weights)
        if not on_disk:
            one.data.features._store = None
        return one

    return made


def one_after_another(one, number, parameters):
    """(values, curves) of a trial's folds."""
    values, curves = [], []
    for fold in range(3):
        training, validation = np.flatnonzero(one.block.folds != fold), np.flatnonzero(one.block.folds == fold)
        recorder = Recorder(parameters["epochs"], partial(one._value_by_then, validation))
        seed = seed_for(0, "fit", cell=one.job.cell.key, trial=number, fold=fold)
        network = fit(
            lambda: build(one.prepared, None, parameters), one.data, training, recipe_of(parameters, 8), seed, recorder
        )
        values.append(one._value(validation, one._scores(validation, network), one.metric))
        curves.append(recorder.curve(values[-1]))
    return tuple(values), tuple(curves)


def test_folds_that_take_turns_are_the_folds_one_after_another(make):
    outcome = make().evaluate(3, PARAMETERS)
    assert (outcome.fold_values, outcome.curves) == one_after_another(make(on_disk=False), 3, PARAMETERS)
    assert (outcome.epochs, outcome.images_seen) == (12, 4 * 48)


def test_every_view_is_computed_once_a_trial_where_only_one_has_room(make):
    one = make(on_disk=False)
    one.data.features._capacity = 2 * 24 * 4 * 7**2 * 4  # bytes of the images as they are, and of one view
    outcome = one.evaluate(0, PARAMETERS)
    assert outcome.features_used == 4 * 48 + 2 * 24, "16 rows a fold and epoch, and 8 validated at two epochs"
    assert outcome.features_computed == (4 + 1) * 24
    again = one.evaluate(1, PARAMETERS)
    assert again.features_computed == 4 * 24, "what is validated on is kept"


def test_another_process_and_the_refits_compute_nothing_again(make):
    make().evaluate(0, PARAMETERS)
    one = make()
    outcome = one.evaluate(1, PARAMETERS | {"learning_rate": 1e-3})
    assert outcome.features_used > 0 and outcome.features_computed == 0
    one.fit_subsample(PARAMETERS, 0)
    assert one.data.features.computed == 0
    assert make().evaluate(0, PARAMETERS).value == make(on_disk=False).evaluate(0, PARAMETERS).value


def test_nine_of_ten_are_hits_in_a_cell_whose_memory_holds_a_single_view(make):
    one = make()
    one.data.features._capacity = 0
    outcomes = [
        one.evaluate(number, PARAMETERS | {"epochs": 2 + number % 5, "augmentation": number % 2 / 4})
        for number in range(16)
    ]
    scores = [one.refit(PARAMETERS | {"augmentation": 0.25}, refit) for refit in range(3)]
    assert not np.array_equal(scores[0], scores[1])
    assert 1 - one.data.features.computed / one.data.features.used > 0.9
    assert sum(outcome.features_used for outcome in outcomes) < one.data.features.used


def test_the_holdout_is_shared_by_refits_and_by_cells_of_the_same_weights(make):
    one = make()
    one.refit(PARAMETERS, 0)
    assert one.data.features.computed == 4 * 24 + 20
    one.predict_holdout(one.fit_subsample(PARAMETERS, 1))
    assert one.data.features.computed == 4 * 24 + 20

    def computed(**changes):
        other = make(**changes)
        other.predict_holdout(build(other.prepared, None, {}))
        return other.data.features.computed

    assert computed(seed=1) == 0
    assert computed(weights=8) == 20


def test_another_cell_another_image_and_other_weights_have_views_of_their_own(make, toy_block):
    make().evaluate(0, PARAMETERS)
    computed = (4 + 1) * 24
    assert make(weights=8).evaluate(0, PARAMETERS).features_computed == computed
    assert make(seed=1).evaluate(0, PARAMETERS).features_computed == computed - 24, "the images themselves are the same"
    pixels = np.load(toy_block.pixels)
    pixels[0, 0, 0] ^= 1
    np.save(toy_block.pixels, pixels)
    assert make().evaluate(0, PARAMETERS).features_computed == computed


def test_without_augmentation_and_flips_every_view_is_the_image(make):
    assert make(flip=False).evaluate(0, PARAMETERS | {"augmentation": 0.0}).features_computed == 24
    plain = make(on_disk=False, flip=False)
    network = build(plain.prepared, None, {})
    assert torch.equal(plain.data.features.view(network, 0.0, 3), plain.data.features.clean(network))


@pytest.mark.parametrize(("diverging", "kept"), [({1: 2}, 1), ({1: 2, 0: 4}, 0), ({2: 1}, 2)])
def test_a_fold_that_diverges_leaves_the_trial_that_it_would_leave_alone(make, monkeypatch, diverging, kept):
    """Fold -> the epoch in which it diverges. Earlier folds are finished; of later ones nothing is told."""
    real, begun = trainer.fitting, []

    def fitting(*arguments):
        begun.append(len(begun))
        end = diverging.get(begun[-1])
        for epoch, network in enumerate(real(*arguments)):
            if end is not None and epoch == end:
                raise Diverged("the loss was not finite")
            yield network

    expected = make().evaluate(0, PARAMETERS)
    monkeypatch.setattr(trainer, "fitting", fitting)
    outcome = make().evaluate(0, PARAMETERS)
    assert outcome.ended == "diverged: the loss was not finite"
    assert outcome.fold_values == expected.fold_values[:kept]
    assert outcome.curves[:kept] == expected.curves[:kept]
    assert len(outcome.curves) == kept + 1
    assert (outcome.epochs, outcome.images_seen) == (4 * (kept + 1), 4 * 16 * (kept + 1))


def test_a_trial_of_heads_is_fitted_at_once_to_what_the_folds_are_alone(make, monkeypatch):
    def build_head(prepared, spec, parameters):
        return Network(Head(4 * 7 * 7, 2), nn.Sequential(prepared, nn.Flatten()), "backbone")

    parameters = PARAMETERS | {"learning_rate": 0.03, "epochs": 6}
    apart = make(on_disk=False)
    apart.method.build = build_head
    monkeypatch.setattr(trainer, "only_a_head_learns", lambda network: False)
    expected = apart.evaluate(2, parameters)
    monkeypatch.undo()
    together = make(on_disk=False)
    together.method.build = build_head
    monkeypatch.setattr(Trainer, "_take_turns", None)
    outcome = together.evaluate(2, parameters)
    assert outcome.fold_values == pytest.approx(expected.fold_values, abs=1e-6)
    for curve, other in zip(outcome.curves, expected.curves, strict=True):
        assert curve.losses == pytest.approx(other.losses, rel=1e-4)
        assert curve.checked == other.checked
    counted = [(o.epochs, o.images_seen, o.features_used, o.features_computed) for o in (outcome, expected)]
    assert counted[0] == counted[1]

    parameters |= {"learning_rate": 1e30}
    assert together.evaluate(2, parameters).ended.startswith("diverged: the loss was not finite in epoch")
