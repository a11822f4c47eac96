import dataclasses
import json

import numpy as np
import pytest

from benchmark.results import COSTS, CURVES, DONE, PREDICTIONS, TRIALS, read_info, read_json, read_table
from benchmark.spec import Cell
from studies import trainer
from studies.cell import run_cell
from studies.trainer import CellJob


@pytest.fixture
def job(tiny_spec, toy_block, tmp_path):
    return CellJob(Cell("toy", 12, 0, "scratch"), toy_block, None, tiny_spec, tmp_path / "run", "cpu")


def folder(job):
    return job.cell.folder(job.run)


def test_a_cell_leaves_its_four_tables(job):
    finished = []
    metrics = run_cell(job, finished.append)
    trials, predictions = read_table(folder(job) / TRIALS), read_table(folder(job) / PREDICTIONS)
    assert len(finished) == len(trials) == len(read_table(folder(job) / COSTS)) == job.spec.budget
    assert set(trials["state"]) == {"COMPLETE"}
    assert len(predictions) == job.spec.refits * len(job.block.holdout)
    np.testing.assert_allclose(np.stack(predictions["y_score"]).sum(1), 1, atol=1e-6)
    assert read_info(folder(job) / PREDICTIONS).tasks == {"toy": "binary"}
    assert metrics["holdout_auroc"] > 0.8
    assert read_json(folder(job) / DONE)["budget"] == job.spec.budget
    two = predictions.groupby("refit")["y_score"].first()
    assert not np.array_equal(two[0], two[1]), "refits start from different weights"


def test_a_single_label_is_trained_for_as_several_are(job):
    block = dataclasses.replace(
        job.block, task="multilabel", classes=("edema",), labels=job.block.labels[:, 1:],
        holdout_labels=job.block.holdout_labels[:, 1:],
    )  # fmt: skip
    metrics = run_cell(dataclasses.replace(job, block=block))
    predictions = read_table(folder(job) / PREDICTIONS)
    assert {len(row) for row in predictions["y_score"]} == {1}
    assert read_info(folder(job) / PREDICTIONS).classes == {"toy": ("edema",)}
    assert metrics["holdout_auroc"] > 0.8


def test_the_same_cell_is_the_same_bytes(job, tmp_path):
    again = dataclasses.replace(job, run=tmp_path / "again")
    for one in (job, again):
        run_cell(one)
    for name in (TRIALS, CURVES, PREDICTIONS):
        assert (folder(job) / name).read_bytes() == (folder(again) / name).read_bytes()


def test_a_larger_budget_keeps_the_trials(job):
    run_cell(job)
    before = read_table(folder(job) / TRIALS)["parameters"].tolist()
    run_cell(dataclasses.replace(job, spec=dataclasses.replace(job.spec, budget=5)))
    after = read_table(folder(job) / TRIALS)["parameters"].tolist()
    assert len(after) == 5
    assert after[:3] == before


def test_a_diverged_trial_counts_with_the_worst_value(job, monkeypatch):
    real = trainer.fitting

    def fitting(*arguments, **keywords):
        steps = real(*arguments, **keywords)
        yield next(steps)
        if arguments[3].epochs == 2:
            raise trainer.Diverged("the loss was not finite")
        yield from steps

    monkeypatch.setattr(trainer, "fitting", fitting)
    job = dataclasses.replace(job, spec=dataclasses.replace(job.spec, budget=6))
    run_cell(job)
    trials = read_table(folder(job) / TRIALS)
    diverged = trials["parameters"].map(lambda text: json.loads(text)["epochs"] == 2)
    assert len(trials) == 6
    assert 0 < diverged.sum() < 6
    assert (trials["value"][diverged] == 0).all()
    assert trials["ended"][diverged].str.startswith("diverged").all()
    assert (trials["ended"][~diverged] == "ok").all()


def test_a_cell_whose_every_trial_diverges_says_so(job, monkeypatch):
    real = trainer.fitting

    def fitting(*arguments, **keywords):
        yield next(real(*arguments, **keywords))
        raise trainer.Diverged("the loss was not finite")

    monkeypatch.setattr(trainer, "fitting", fitting)
    with pytest.raises(RuntimeError, match="diverged"):
        run_cell(job)


def test_a_study_of_log_loss_keeps_natural_values_and_takes_the_lowest(job):
    job = dataclasses.replace(job, spec=dataclasses.replace(job.spec, tune_metric="log_loss", budget=5))
    metrics = run_cell(job)
    values = read_table(folder(job) / TRIALS)["value"]
    assert (values > 0).all()
    assert metrics["best_validation"] == values.min()
    assert read_json(folder(job) / DONE)["best_trial"] == values.idxmin()
