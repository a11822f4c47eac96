"""Budgets and tuning curves from the trials tables."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.study import incumbents as curves
from benchmark.errors import InputError
from tests.analysis.test_report import write_trials


@pytest.fixture
def trials(tmp_path):
    for arm in ("scratch", "imagenet"):
        for seed in range(3):
            cell = tmp_path / f"cells/toy/n100/seed0{seed}/{arm}"
            key = {"dataset": "toy", "arm": arm, "n_per_class": 100, "seed": seed}
            write_trials(cell, key, trials=6 if arm == "scratch" else 5)
    return budget.read_trials(tmp_path)


def test_no_trials(tmp_path):
    assert budget.read_trials(tmp_path) is None
    assert budget.read_trials(tmp_path / "file.parquet") is None


def test_the_ledger_shows_unequal_budgets(trials):
    ledger = budget.ledger(trials)
    assert ledger["arm"].tolist() == ["scratch", "imagenet"]
    assert ledger["trials"].tolist() == [18, 15]
    assert ledger["hours"].iloc[0] == pytest.approx(3 * 21 / 3600)
    assert "5 to 6" in budget.unequal(ledger)
    assert budget.unequal(ledger[:1]) is None


def test_trials_without_costs_or_with_other_columns(tmp_path):
    cell = tmp_path / "cells/toy/n100/seed00/scratch"
    write_trials(cell, {"dataset": "toy", "arm": "scratch", "n_per_class": 100, "seed": 0}, trials=2)
    (cell / "costs.parquet").unlink()
    assert budget.read_trials(tmp_path)["seconds"].isna().all()
    pd.DataFrame({"x": [1]}).to_parquet(cell / "trials.parquet")
    with pytest.raises(InputError, match="lacks the columns"):
        budget.read_trials(tmp_path)


def test_incumbents_rise_and_follow_time(trials):
    found = curves.incumbents(trials)
    each = found["toy", 100, "scratch"]
    assert each.values.shape == (3, 6) and (np.diff(each.values, axis=1) >= 0).all()
    at = each.at(np.array([0.5, 1.0, 2.9, 3.0, 100.0]))
    assert np.isnan(at[:, 0]).all()
    assert at[:, 1:] == pytest.approx(each.values[:, [0, 0, 1, 5]])
    mean, low, high = curves.band(each.values)
    assert (low <= mean).all() and (mean <= high).all()
    assert np.isnan(curves.band(each.values[:1])[1]).all()


def test_crossing_budget(trials):
    assert curves.crossing(np.array([0.1, 0.2, 0.3]), 0.2) == 2
    assert curves.crossing(np.array([0.1, 0.2]), 0.5) is None
    assert len(curves.table(trials)) == 2


def test_expected_maximum_of_one_trial_is_the_mean():
    values = np.random.default_rng(0).random(12)
    for unbiased in (True, False):
        found = curves.expected_maximum(values, unbiased)
        assert found[0] == pytest.approx(values.mean())
        assert (np.diff(found) > 0).all()
    assert curves.expected_maximum(values)[-1] == values.max()
    assert math.isclose(curves.expected_maximum(values[:1])[0], values[0])
