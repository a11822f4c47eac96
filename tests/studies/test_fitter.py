"""Cells of methods without epochs: the same tables as any cell, features once, and one fit for all refits."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from benchmark.results import CURVES, PREDICTIONS, TRIALS, VALIDATION, read_table
from benchmark.spec import Cell
from studies.cell import run_cell
from studies.fitter import Fitter, trainer_of
from studies.trainer import CellJob, Trainer


@pytest.mark.parametrize("method", ["linear-probe", "knn"])
def test_a_cell_leaves_the_tables_of_any_cell_and_the_same_bytes_again(method, job_of):
    one, again = job_of(method, budget=6), job_of(method, "again", budget=6)
    metrics = [run_cell(job) for job in (one, again)]
    folder, other = one.cell.folder(one.run), again.cell.folder(again.run)
    for name in (TRIALS, CURVES, VALIDATION, PREDICTIONS):
        assert (folder / name).read_bytes() == (other / name).read_bytes()
    trials, predictions = read_table(folder / TRIALS), read_table(folder / PREDICTIONS)
    assert len(trials) == 6 and set(trials["ended"]) == {"ok"}
    assert (trials["epochs"] >= one.spec.folds).all()
    assert trials["images_seen"].iloc[0] == 24, "every training image once in each of two folds of 12"
    assert len(read_table(folder / CURVES)) == 0
    assert len(predictions) == one.spec.refits * len(one.block.holdout)
    np.testing.assert_allclose(np.stack(predictions["y_score"]).sum(1), 1, atol=1e-6)
    assert metrics[0]["holdout_auroc"] > 0.9


def test_refits_are_one_fit(job_of, monkeypatch):
    fitter = trainer_of(job_of("linear-probe"))
    assert isinstance(fitter, Fitter)
    parameters = dict(fitter.method.DEFAULTS)
    first = fitter.refit(parameters, 0)
    monkeypatch.setattr(fitter, "_fit", lambda *_: pytest.fail("fitted again"))
    assert np.array_equal(first, fitter.refit(parameters, 1))


def test_features_are_computed_once_and_a_view_when_it_is_asked_for(job_of):
    fitter = trainer_of(job_of("linear-probe"))
    parameters = dict(fitter.method.DEFAULTS)
    counts = []
    for views in (0, 0, 1, 3, 3):
        counts.append(fitter.evaluate(0, parameters | {"views": views}).features_computed)
    assert counts == [24, 0, 24, 48, 0]
    outcome = fitter.evaluate(0, parameters | {"views": 3})
    assert (outcome.epochs, outcome.images_seen, outcome.ended) == (8, 96, "ok")


def test_a_task_of_labels_with_unknown_ones(job_of):
    job = job_of("linear-probe", classes=3, task="multilabel")
    job.block.labels[::5, 1] = np.nan
    outcome = trainer_of(job).evaluate(0, dict(job.method.DEFAULTS))
    assert outcome.ended == "ok" and outcome.value > 0.8


def test_features_that_are_not_finite_end_a_trial_with_the_worst_value(job_of, monkeypatch):
    fitter = trainer_of(job_of("knn"))
    monkeypatch.setattr(fitter, "_clean", lambda used: np.full((24, sum(fitter.prepared.widths)), np.nan))
    outcome = fitter.evaluate(0, dict(fitter.method.DEFAULTS))
    assert (outcome.value, outcome.fold_values, outcome.ended) == (0.0, (), "diverged: a feature was not finite")


def test_other_methods_are_trained(job_of, tiny_spec, toy_block, tmp_path):
    job = CellJob(Cell("toy", 12, 0, "scratch"), toy_block, None, tiny_spec, tmp_path / "run", "cpu")
    assert type(trainer_of(job)) is Trainer


def test_a_frozen_network_is_put_where_the_images_are(job_of, monkeypatch):
    moved = []
    monkeypatch.setattr("studies.fitter.move_frozen", lambda network, device: moved.append((network, device)))
    fitter = trainer_of(job_of("knn"))
    assert moved == [(fitter.prepared.network, fitter.device)]


def test_sums_are_made_by_as_many_threads_as_torch_has(job_of, monkeypatch):
    fitter, seen = trainer_of(job_of("knn")), []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)

    def fit(features, targets, task, parameters):
        seen.extend(of["num_threads"] for of in threadpool_info() if of["user_api"] == "blas")
        return lambda others: np.full((len(others), 2), 0.5)

    monkeypatch.setattr(fitter.method, "fit", fit)
    with threadpool_limits(2, user_api="blas"):
        fitter.evaluate(0, dict(fitter.method.DEFAULTS))
    assert set(seen) == {1}
