"""What a cell is expected to take: the sum of its parts, and short trials that run."""

import dataclasses

import pytest

from studies import timing
from studies.timing import Speed, cell_time, measure_speeds


def test_a_cell_takes_its_trials_its_cached_views_and_its_refits(tiny_spec):
    spec = dataclasses.replace(tiny_spec, max_epochs=1, budget=10, folds=2, refits=3)
    plain = cell_time(spec, "scratch", [Speed(fit=0.5, image=0.01, view=0.0)], rows=100, holdout=30)
    assert plain.search == pytest.approx(10 * (2 * 0.5 + 0.01 * 100))
    assert plain.refit == pytest.approx(3 * (0.5 + 0.01 * 100 + 0.01 / 3 * 30))
    frozen = cell_time(spec, "scratch", [Speed(fit=0.5, image=0.01, view=0.1)], rows=100, holdout=30)
    assert frozen.search - plain.search == pytest.approx(5 * 100 * 0.1), "once for each strength"


def test_more_epochs_trials_and_choices_cost_what_they_cost(tiny_spec):
    spec = dataclasses.replace(tiny_spec, min_epochs=10, max_epochs=40)
    one, other = Speed(0.0, 0.01, 0.0), Speed(0.0, 0.03, 0.0)
    search = cell_time(spec, "scratch", [one], 100, 0).search
    both = cell_time(spec, "scratch", [one, other], 100, 0).search
    assert both == pytest.approx(2 * search), "tried equally often"
    assert cell_time(dataclasses.replace(spec, budget=6), "scratch", [one], 100, 0).search == pytest.approx(2 * search)
    epochs = search / (spec.budget * 0.01 * 100)
    assert 18 < epochs < 30, "between the mean of the range and its end"


def test_an_arm_is_timed_in_the_processes_that_will_run_it(tiny_spec):
    spec = dataclasses.replace(tiny_spec, arms=("scratch",))
    speeds, start = measure_speeds(spec, ("cpu", "cpu"), lambda line: None)
    assert len(speeds["scratch"]) == 3, "each of its widths"
    assert all(speed.image > 0 and speed.fit >= 0 for speed in speeds["scratch"])
    assert start > 0


def test_of_a_long_trial_one_epoch_is_enough(tiny_spec, monkeypatch):
    monkeypatch.setattr(timing, "LONG", 0.0)
    monkeypatch.setattr(timing, "_device", ["cpu"])
    speed = timing._measure((tiny_spec, "scratch", 8))
    assert speed.fit == 0 and speed.image > 0


def test_a_method_without_epochs_takes_its_fits_and_the_features_of_every_view_once(tiny_spec):
    spec = dataclasses.replace(tiny_spec, arms=("knn",), budget=10, folds=3)
    expected = cell_time(spec, "knn", [Speed(fit=0.0, image=0.01, view=0.1)], rows=90, holdout=30, sharing=1)
    assert expected.search == pytest.approx(10 * 3 * 0.01 * 60 + timing.MOST_VIEWS * 90 * 0.1)
    assert expected.refit == pytest.approx(0.01 * 90 + 0.1 * 30), "one fit for all refits"


def test_features_of_the_holdout_are_computed_once_for_all_refits_and_cells(tiny_spec):
    spec = dataclasses.replace(tiny_spec, max_epochs=1, refits=3)
    frozen, trained = Speed(fit=0.0, image=0.03, view=0.1), Speed(fit=0.0, image=0.3, view=0.0)

    def holdout(speeds, sharing):
        return (
            cell_time(spec, "imagenet", speeds, 10, 500, sharing).refit
            - cell_time(spec, "imagenet", speeds, 10, 0, sharing).refit
        )

    assert holdout([frozen], 1) == pytest.approx(3 * 0.01 * 500 + 0.1 * 500)
    assert holdout([frozen], 5) == pytest.approx(3 * 0.01 * 500 + 0.1 * 500 / 5), "of five cells one computes"
    assert holdout([frozen], None) == pytest.approx(3 * 0.01 * 500 + 3 * 0.1 * 500), "a card keeps nothing"
    assert holdout([trained], 5) == pytest.approx(3 * 0.1 * 500), "what is trained sees it at every refit"
    kinds = [frozen, frozen, trained]
    assert 6 * holdout(kinds, 6) == pytest.approx(6 * 3 * (0.02 + 0.1) / 3 * 500 + 2 * 0.1 * 500), "once for each kind"


@pytest.mark.parametrize(("choice", "seconds"), [("head", True), ("all", False)])
def test_what_a_view_costs_is_timed_apart_where_layers_are_frozen(tiny_spec, monkeypatch, choice, seconds):
    monkeypatch.setattr(timing, "_device", ["cpu"])
    assert (timing._measure((tiny_spec, "imagenet", choice)).view > 0) == seconds


def test_a_method_without_epochs_is_timed_by_a_trial_that_has_its_features(tiny_spec, monkeypatch):
    monkeypatch.setattr(timing, "_device", ["cpu"])
    speed = timing._measure((tiny_spec, "linear-probe", None))
    assert speed.fit == 0 and speed.image > 0 and speed.view > 0
