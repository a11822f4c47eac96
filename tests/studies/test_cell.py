import dataclasses
import json

import numpy as np
import pytest

from benchmark.images.training_block import ExternalSet
from benchmark.results import (
    COSTS,
    CURVES,
    DONE,
    PREDICTIONS,
    STUDY,
    TRIALS,
    VALIDATION,
    read_info,
    read_json,
    read_table,
)
from benchmark.spec import Cell
from studies import trainer
from studies.cell import run_cell
from studies.open_cells import finished
from studies.trainer import CellJob
from tests.conftest import make_block


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
    done = read_json(folder(job) / DONE)
    assert done["budget"] == job.spec.budget and done["finished"].startswith("20")
    model = done["model"]
    assert (model["layers"], model["channels"], model["image_size"], model["std"]) == (5, 1, 16, [0.25])
    assert model["learned"] == model["parameters"] > 1000, "a CNN of four stages and a head, all of it learned"
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
    for name in (TRIALS, CURVES, VALIDATION, PREDICTIONS):
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


# Test sets from elsewhere


def there(job, tmp_path, name="far", kept=(0, 1)):
    """A test set of ten images, as the block of a job has it."""
    pixels = tmp_path / f"{name}.npy"
    np.save(pixels, np.load(job.block.pixels)[:10])
    labels = np.eye(len(kept), dtype=np.float32)[np.arange(10) % len(kept)]
    classes = tuple(job.block.classes[k] for k in kept)
    ids, groups = (np.array([f"{kind}{i}" for i in range(10)]) for kind in ("image", "patient"))
    facts = {"external_of": "toy", "overlap": {"12": 0.0}}
    return ExternalSet(f"toy -> {name}", f"external/{name}.parquet", kept, classes, pixels, labels, ids, groups, facts)


def with_sets(job, *sets):
    return dataclasses.replace(job, block=dataclasses.replace(job.block, external=sets))


def test_refits_predict_a_test_set_from_elsewhere_and_the_rest_stays(job, tmp_path):
    run_cell(job)
    other = with_sets(dataclasses.replace(job, run=tmp_path / "other"), there(job, tmp_path))
    run_cell(other)
    for name in (TRIALS, CURVES, VALIDATION, PREDICTIONS):
        assert (folder(job) / name).read_bytes() == (folder(other) / name).read_bytes()
    rows = read_table(folder(other) / "external/far.parquet")
    assert list(rows["dataset"].unique()) == ["toy -> far"] and len(rows) == job.spec.refits * 10
    assert read_info(folder(other) / "external/far.parquet").facts["toy -> far"]["external_of"] == "toy"
    assert "external/far.parquet" in read_json(folder(other) / DONE)["files"]
    first = rows[rows["refit"] == 0].set_index("sample_id")["y_score"]
    assert np.ptp([score[0] for score in first]) > 0.01, "the images are looked at"


def test_a_test_set_is_added_to_a_finished_cell_without_new_trials(job, tmp_path):
    far, farther = there(job, tmp_path), there(job, tmp_path, "farther")
    run_cell(with_sets(job, far))
    tables = (TRIALS, CURVES, COSTS, VALIDATION, PREDICTIONS, "external/far.parquet")
    before = {name: (folder(job) / name).read_bytes() for name in tables}
    metrics, trials = read_json(folder(job) / DONE)["metrics"], []
    both = with_sets(job, far, farther)
    assert finished(with_sets(job, far)) and finished(both) is None
    assert run_cell(both, trials.append) == metrics
    assert trials == [] and finished(both) == metrics
    assert {name: (folder(job) / name).read_bytes() for name in tables} == before
    done = read_json(folder(job) / DONE)
    assert done["refits_again"] == {"largest_difference": 0.0}
    anew = dataclasses.replace(both, run=tmp_path / "anew")
    run_cell(anew)
    name = "external/farther.parquet"
    assert (folder(anew) / name).read_bytes() == (folder(job) / name).read_bytes(), "the same models"
    assert done["files"] == read_json(folder(anew) / DONE)["files"] | {
        name: done["files"][name] for name in ("study.jsonl", COSTS)
    }


def test_a_finished_cell_without_its_journal_begins_anew_for_another_test_set(job, tmp_path):
    run_cell(job)
    (folder(job) / STUDY).unlink()
    trials = []
    run_cell(with_sets(job, there(job, tmp_path)), trials.append)
    assert len(trials) == job.spec.budget
    assert "refits_again" not in read_json(folder(job) / DONE), "all of it is of the new search"


def test_scores_of_classes_that_are_not_there_are_left_out(job, tmp_path):
    block = make_block(tmp_path, classes=3, task="multiclass")
    job = dataclasses.replace(job, block=block)
    run_cell(with_sets(job, there(job, tmp_path, "all", (0, 1, 2)), there(job, tmp_path, "some", (0, 2))))
    every, some = (
        np.stack(read_table(folder(job) / f"external/{name}.parquet")["y_score"]) for name in ("all", "some")
    )
    np.testing.assert_allclose(some, every[:, [0, 2]] / every[:, [0, 2]].sum(1, keepdims=True), rtol=1e-5, atol=1e-30)
