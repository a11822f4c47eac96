"""Budgets and tuning curves from the trials tables."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.page.remarks import unequal_budgets
from analysis.statistics.expected_maximum import expected_maximum
from analysis.study.incumbents import band, crossing, incumbents
from analysis.study.trials import read_trials, remark_on_missing
from analysis.tables import budget
from analysis.tables import crossing as crossing_table
from benchmark import metrics
from benchmark.errors import InputError
from tests.analysis.simulated_run import write_trials

AUROC = metrics.find("auroc")


@pytest.fixture
def trials(tmp_path):
    for arm in ("scratch", "imagenet"):
        for seed in range(3):
            cell = tmp_path / f"cells/toy/n100/seed0{seed}/{arm}"
            key = {"dataset": "toy", "arm": arm, "n_per_class": 100, "seed": seed}
            write_trials(cell, key, trials=6 if arm == "scratch" else 5)
    return read_trials(tmp_path, None, AUROC)


def test_no_trials(tmp_path):
    assert read_trials(tmp_path, None, AUROC) is None
    assert read_trials(tmp_path / "file.parquet", None, AUROC) is None


def test_the_ledger_shows_unequal_budgets(trials):
    ledger = budget.build(SimpleNamespace(trials=trials))
    assert ledger["arm"].tolist() == ["scratch", "imagenet"]
    assert ledger["trials"].tolist() == [18, 15]
    assert ledger["fewest_in_a_cell"].tolist() == ledger["most_in_a_cell"].tolist() == [6, 5]
    assert ledger["device_seconds"].iloc[0] == pytest.approx(3 * 21)
    assert "5 to 6" in unequal_budgets(trials)
    assert unequal_budgets(replace(trials, frame=trials.frame[trials.frame["arm"] == "scratch"])) is None


def test_trials_without_costs_or_with_other_columns(tmp_path):
    cell = tmp_path / "cells/toy/n100/seed00/scratch"
    write_trials(cell, {"dataset": "toy", "arm": "scratch", "n_per_class": 100, "seed": 0}, trials=2)
    (cell / "costs.parquet").unlink()
    assert read_trials(tmp_path, None, AUROC).frame["seconds"].isna().all()
    pd.DataFrame({"x": [1]}).to_parquet(cell / "trials.parquet")
    with pytest.raises(InputError, match="lacks the columns"):
        read_trials(tmp_path, None, AUROC)


def test_cells_that_lost_their_trials_are_named(tmp_path):
    cells = [tmp_path / "cells/toy/n8" / f"seed{seed:02d}" / "a" for seed in range(3)]
    for cell in cells:
        cell.mkdir(parents=True)
        (cell / "predictions.parquet").touch()
    assert remark_on_missing(tmp_path) == [], "predictions alone"
    (cells[0] / "trials.parquet").touch()
    (remark,) = remark_on_missing(tmp_path)
    assert remark.startswith("2 of 3 cells have predictions and no trials.parquet (cells/toy/n8/seed01/a")


def test_the_tuned_metric_is_the_runs_and_old_values_are_turned_to_natural_units(trials, tmp_path):
    for spec, sign in (({"tune_metric": "log_loss"}, 1), ({"metric": "log_loss"}, -1), ({"metric": "auroc"}, 1)):
        read = read_trials(tmp_path, {"spec": spec | {"sampler": "tpe"}}, AUROC)
        assert read.metric.name in spec.values() and read.sampler == "tpe"
        assert (read.frame["value"] == sign * trials.frame["value"]).all()


def test_incumbents_rise_and_follow_time(trials):
    scratch = incumbents(trials)["toy", 100, "scratch"]
    assert scratch.values.shape == (3, 6) and (np.diff(scratch.values, axis=1) >= 0).all()
    best = scratch.at(np.array([0.5, 1.0, 2.9, 3.0, 100.0]))
    assert np.isnan(best[:, 0]).all()
    assert best[:, 1:] == pytest.approx(scratch.values[:, [0, 0, 1, 5]])
    mean, low, high = band(scratch.values)
    assert (low <= mean).all() and (mean <= high).all()
    assert np.isnan(band(scratch.values[:1])[1]).all()


def test_incumbents_of_a_metric_where_lower_is_better_fall(tmp_path, trials):
    falling = incumbents(read_trials(tmp_path, {"spec": {"tune_metric": "log_loss"}}, AUROC))["toy", 100, "scratch"]
    assert (np.diff(falling.values, axis=1) <= 0).all()
    assert crossing(falling.values.mean(axis=0), falling.values.mean(axis=0)[-1], higher_is_better=False) is not None


def test_crossing_budget(trials):
    assert crossing(np.array([0.1, 0.2, 0.3]), 0.2) == 2
    assert crossing(np.array([0.1, 0.2]), 0.5) is None
    assert len(crossing_table.build(SimpleNamespace(trials=trials))) == 2


def test_expected_maximum_of_one_trial_is_the_mean():
    values = np.random.default_rng(0).random(12)
    for unbiased in (True, False):
        best = expected_maximum(values, unbiased)
        assert best[0] == pytest.approx(values.mean())
        assert (np.diff(best) > 0).all()
    assert expected_maximum(values)[-1] == values.max()
    assert math.isclose(expected_maximum(values[:1])[0], values[0])
