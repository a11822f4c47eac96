"""The best trial's scores of validation: there for every method, and the same after an interruption."""

import dataclasses
import json

import numpy as np
import pytest

from benchmark import metrics
from benchmark.results import CELL_FILES, DONE, PREDICTIONS, VALIDATION, read_info, read_json, read_table, write_json
from benchmark.runs.repair import cell_faults
from benchmark.training.engine import Diverged
from studies.cell import run_cell
from studies.fitter import Fitter
from studies.open_cells import finished
from studies.trainer import Trainer
from studies.validation import BEST_SO_FAR

METHODS = ("scratch", "fine-tune", "lora", "linear-probe", "knn")


def folder(job):
    return job.cell.folder(job.run)


def fold_values(job, name=VALIDATION):
    """The tuned metric of every fold, from the scores on disk."""
    table = read_table(folder(job) / name)
    truth, scores = (np.stack(table[column].to_list()) for column in ("y_true", "y_score"))
    metric = metrics.find(job.spec.tune_metric)
    return [
        metric.value(job.block.task, truth[rows], scores[rows])
        for rows in (table["fold"].to_numpy() == fold for fold in range(job.spec.folds))
    ]


def interrupt(job, monkeypatch):
    """Run a cell that is stopped after its last trial, before its first refit."""
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "fit_subsample", stop)
        patched.setattr(Fitter, "fit_subsample", stop)
        with pytest.raises(KeyboardInterrupt):
            run_cell(job)
    assert not (folder(job) / VALIDATION).exists() and not (folder(job) / DONE).exists()


def stop(*_):
    raise KeyboardInterrupt


def forbid_trials(monkeypatch):
    for of in (Trainer, Fitter):
        monkeypatch.setattr(of, "evaluate", lambda *_: pytest.fail("a trial was computed again"))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_scores_that_have_the_best_trials_values_and_are_the_same_after_an_interruption(
    method, job_of, monkeypatch
):
    job, stopped = job_of(method, budget=2), job_of(method, "stopped", budget=2)
    trials = []
    run_cell(job, trials.append)
    best = read_json(folder(job) / DONE)["best_trial"]
    table = read_table(folder(job) / VALIDATION)
    assert set(table["trial"]) == {best} and set(table["arm"]) == {"mine"}
    assert table["sample_id"].tolist() == job.block.subsample_ids.tolist()
    assert table["group_id"].tolist() == job.block.subsample_groups.tolist()
    assert table["fold"].tolist() == job.block.folds.tolist()
    assert np.array_equal(np.stack(table["y_true"]), job.block.labels)
    np.testing.assert_allclose(np.stack(table["y_score"]).sum(1), 1, atol=1e-6)
    assert fold_values(job) == list(trials[best].outcome.fold_values)
    assert read_info(folder(job) / VALIDATION).classes == {"toy": ("class 0", "class 1")}
    assert VALIDATION in read_json(folder(job) / DONE)["files"] and not (folder(job) / BEST_SO_FAR).exists()

    interrupt(stopped, monkeypatch)
    forbid_trials(monkeypatch)
    run_cell(stopped)
    assert (folder(job) / VALIDATION).read_bytes() == (folder(stopped) / VALIDATION).read_bytes()
    assert not (folder(stopped) / BEST_SO_FAR).exists()


def lose(path):
    path.unlink()


def tear(path):
    path.write_bytes(path.read_bytes()[:100])


def swap(path):
    """Scores of the right trial number and images that are another trial's."""
    table = read_table(path)
    table["y_score"] = [score[::-1] for score in table["y_score"]]
    table.to_parquet(path)


@pytest.mark.parametrize(
    ("method", "damage"), [("fine-tune", lose), ("linear-probe", lose), ("linear-probe", tear), ("linear-probe", swap)]
)
def test_scores_that_a_kill_took_are_computed_again_the_same(method, damage, job_of, monkeypatch):
    job, stopped = job_of(method), job_of(method, "stopped")
    run_cell(job)
    interrupt(stopped, monkeypatch)
    damage(folder(stopped) / BEST_SO_FAR)
    trials = []
    run_cell(stopped, trials.append)
    assert trials == []
    assert (folder(job) / VALIDATION).read_bytes() == (folder(stopped) / VALIDATION).read_bytes()
    assert (folder(job) / PREDICTIONS).read_bytes() == (folder(stopped) / PREDICTIONS).read_bytes()


def test_a_larger_budget_ends_with_the_scores_of_its_own_best_trial(job_of):
    small, large = job_of(), job_of(run="at once", budget=8)
    run_cell(small)
    before = (folder(small) / VALIDATION).read_bytes()
    extended = dataclasses.replace(small, spec=large.spec)
    seen = []

    def watch(trial):
        seen.append((folder(small) / VALIDATION).read_bytes() == before)

    run_cell(extended, watch)
    run_cell(large)
    assert (folder(extended) / VALIDATION).read_bytes() == (folder(large) / VALIDATION).read_bytes()
    assert seen == [True] * 5, "until the cell is finished its tables are those of the smaller budget"


def test_a_larger_budget_that_finds_nothing_better_keeps_the_scores_without_a_trial_again(job_of, monkeypatch):
    job = job_of()
    run_cell(job)
    before = (folder(job) / VALIDATION).read_bytes()
    real = Fitter.evaluate

    def worse(self, number, parameters):
        assert number >= 3, "computed again"
        return dataclasses.replace(real(self, number, parameters), value=0.0)

    monkeypatch.setattr(Fitter, "evaluate", worse)
    run_cell(dataclasses.replace(job, spec=dataclasses.replace(job.spec, budget=5)))
    assert (folder(job) / VALIDATION).read_bytes() == before


def test_of_equal_trials_the_earliest_is_kept_as_the_study_takes_it(job_of, monkeypatch):
    real = Fitter.evaluate
    monkeypatch.setattr(Fitter, "evaluate", lambda self, *given: dataclasses.replace(real(self, *given), value=0.5))
    job = job_of()
    run_cell(job)
    assert set(read_table(folder(job) / VALIDATION)["trial"]) == {0} == {read_json(folder(job) / DONE)["best_trial"]}


def test_the_lowest_log_loss_is_the_best(job_of):
    job, trials = job_of(metric="log_loss", budget=5), []
    run_cell(job, trials.append)
    lowest = min(trials, key=lambda trial: trial.outcome.value)
    assert fold_values(job) == list(lowest.outcome.fold_values)


def test_a_trial_that_diverged_has_no_scores(job_of, monkeypatch):
    real, diverging = Fitter._fit, [True]

    def fit(self, *given):
        if diverging:
            raise Diverged("a feature was not finite")
        return real(self, *given)

    monkeypatch.setattr(Fitter, "_fit", fit)
    job = job_of()

    def after(trial):
        assert (folder(job) / BEST_SO_FAR).exists() is (trial.number > 0)
        diverging.clear()

    run_cell(job, after)
    best = read_json(folder(job) / DONE)["best_trial"]
    assert best > 0 and set(read_table(folder(job) / VALIDATION)["trial"]) == {best}


def test_labels_that_are_unknown_stay_so(job_of):
    job = job_of("linear-probe", classes=3, task="multilabel")
    job.block.labels[::5, 1] = np.nan
    run_cell(job)
    truth = np.stack(read_table(folder(job) / VALIDATION)["y_true"])
    assert np.array_equal(truth, job.block.labels, equal_nan=True)


class Asked:
    """What `cell_faults` asks of a request."""

    def __init__(self, job):
        self.out, self.spec = job.run, job.spec


def test_a_cell_of_an_older_version_is_whole_without_them_and_a_cell_of_this_one_is_not(job_of):
    job = job_of()
    run_cell(job)
    assert cell_faults(job.cell, Asked(job)) == {}
    (folder(job) / VALIDATION).unlink()
    assert cell_faults(job.cell, Asked(job)) == {VALIDATION: "is missing"}
    done = read_json(folder(job) / DONE)
    write_json(folder(job) / DONE, done | {"files": {name: done["files"][name] for name in CELL_FILES}})
    assert cell_faults(job.cell, Asked(job)) == {} and finished(job) is not None


def test_what_the_remark_of_a_report_tells_an_older_run_to_do_makes_them(job_of):
    """Remove done.json and run again: no new trial, and the scores of an uninterrupted run."""
    job = job_of()
    run_cell(job)
    whole = (folder(job) / VALIDATION).read_bytes()
    (folder(job) / VALIDATION).unlink()
    (folder(job) / DONE).unlink()
    trials = []
    run_cell(job, trials.append)
    assert trials == [] and (folder(job) / VALIDATION).read_bytes() == whole


def test_they_are_small(job_of):
    job = job_of(classes=3, task="multiclass")
    run_cell(job)
    assert (folder(job) / VALIDATION).stat().st_size < 10_000
    assert "y_score" not in json.dumps(read_json(folder(job) / DONE))
