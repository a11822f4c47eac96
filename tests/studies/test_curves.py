"""Curves by epoch: when they are checked, what they cost a result (nothing), and that they survive a kill."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.results import CURVES, STUDY, read_table
from benchmark.seeds import seed_for
from benchmark.spec import Cell
from benchmark.training.engine import Diverged, Recipe, fit, predict
from benchmark.training.network import Network
from studies import curves, trainer
from studies.cell import run_cell
from studies.curves import Curve, Recorder, checked_epochs
from studies.trainer import CellJob, Trainer
from studies.tune import Outcome

PARAMETERS = {
    "learning_rate": 3e-3, "weight_decay": 1e-3, "epochs": 4, "augmentation": 0.5, "label_smoothing": 0.1, "width": 8,
}  # fmt: skip


@pytest.fixture
def job(tiny_spec, toy_block, tmp_path):
    spec = dataclasses.replace(tiny_spec, max_epochs=4)
    return CellJob(Cell("toy", 12, 0, "scratch"), toy_block, None, spec, tmp_path / "run", "cpu")


def folder(job):
    return job.cell.folder(job.run)


def test_the_half_and_the_last_epoch_are_always_checked_and_few_others():
    assert checked_epochs(60) == (8, 15, 30, 60)
    assert checked_epochs(48) == (12, 24, 48), "a quarter too where a fit is long"
    assert checked_epochs(15) == (8, 15)
    assert checked_epochs(1) == (1,)
    for epochs in range(2, 200):
        checked = checked_epochs(epochs)
        assert checked[-1] == epochs and checked[-2] == math.ceil(epochs / 2)
        assert len(checked) - 1 <= max(1, epochs / curves.EPOCHS_A_PASS)


def test_every_fold_of_every_trial_has_its_curve_and_the_last_value_is_the_trials(job):
    trials = []
    run_cell(job, trials.append)
    table = read_table(folder(job) / CURVES)
    assert len(table) == job.spec.budget * job.spec.folds
    for trial in trials:
        rows = table[table["trial"] == trial.number].sort_values("fold")
        epochs = trial.parameters["epochs"]
        for value, row in zip(trial.outcome.fold_values, rows.itertuples(), strict=True):
            assert len(row.losses) == epochs and np.isfinite(row.losses).all()
            assert tuple(row.checked) == checked_epochs(epochs)
            assert row.values[-1] == pytest.approx(value, abs=1e-5)


def norm_and_dropout():
    return Network(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(784, 2)))


@pytest.mark.parametrize("epoch", [1, 2])
def test_looking_at_a_network_in_training_changes_no_bit_of_it(job, epoch):
    """Dropout draws from the generator that the look must leave alone, and normalisation must go on learning."""
    data = Trainer(job).data
    recipe = Recipe(3e-3, 1e-3, 3, 0.5, 0.1, 8)

    def state(watch=None):
        network = fit(norm_and_dropout, data, np.arange(24), recipe, seed_for(0, "fit"), watch)
        return network.learned.state_dict()

    def watch(finished, loss, network):
        if finished == epoch:
            predict(network, data.images, "binary")
            assert not network.learned.training

    blind, seeing = state(), state(watch)
    assert all(torch.equal(blind[name], seeing[name]) for name in blind)


def test_a_score_that_is_not_finite_on_the_way_ends_no_trial(job, monkeypatch):
    calls = []

    def diverging(*arguments, **keywords):
        calls.append(1)
        if len(calls) % 2:  # the look after half of the epochs, not the one that counts
            raise Diverged("a predicted score was not finite")
        return predict(*arguments, **keywords)

    monkeypatch.setattr(trainer, "predict", diverging)
    outcome = Trainer(job).evaluate(0, PARAMETERS)
    assert outcome.ended == "ok"
    assert [math.isnan(curve.values[0]) for curve in outcome.curves] == [True, True]
    assert all(math.isfinite(curve.values[-1]) for curve in outcome.curves)


def test_a_diverged_trial_keeps_the_curve_until_then(job):
    outcome = Trainer(job).evaluate(0, PARAMETERS | {"learning_rate": math.inf})
    assert outcome.ended.startswith("diverged")
    assert outcome.curves == (Curve((), (), ()),)


def test_curves_come_back_from_the_journal_as_they_were(job):
    """A study that is continued writes the table of an uninterrupted one, from what the journal holds."""
    run_cell(job)
    whole = (folder(job) / CURVES).read_bytes()
    (folder(job) / CURVES).unlink()
    run_cell(job)
    assert (folder(job) / CURVES).read_bytes() == whole
    assert (folder(job) / STUDY).stat().st_size < 50_000


def test_an_outcome_of_an_older_journal_has_no_curves():
    assert Outcome(0.5, (0.5,), 1, 1, "ok", 0.0, 0.0).curves == ()


def test_the_recorder_leaves_the_last_epoch_to_who_evaluates():
    recorder = Recorder(2, lambda network: 0.7)
    for epoch, loss in ((1, 0.123456789), (2, 0.5)):
        recorder(epoch, loss, None)
    assert recorder.curve() == Curve((0.123457, 0.5), (1,), (0.7,))
    assert recorder.curve(0.8) == Curve((0.123457, 0.5), (1, 2), (0.7, 0.8))
