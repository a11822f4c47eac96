"""What the report says before its findings: chance, edges of ranges, curves that rise at the cap, and equal seconds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.page.head import head
from analysis.study.edges import at_end, edges, too_many
from analysis.study.equal_seconds import equal_seconds
from analysis.study.flags import chances, flag_sentences
from analysis.study.rising import rises
from analysis.study.study import study
from analysis.study.trials import read_trials
from analysis.tables import equal_seconds as equal_seconds_table
from analysis.tables import flags
from benchmark import metrics
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    SPEC,
    TRIAL_COLUMNS,
    TRIALS,
    read_json,
    read_table,
    write_json,
    write_table,
)
from tests.analysis.simulated_run import settings, study_of, write_run

AUROC = metrics.find("auroc")
SPACE = [
    {"name": "rate", "kind": "float", "low": 1e-4, "high": 1e-2, "log": True, "step": None},
    {"name": "epochs", "kind": "int", "low": 15, "high": 60, "log": True, "step": None},
    {"name": "smoothing", "kind": "float", "low": 0.0, "high": 0.2, "log": False, "step": 0.05}
    | {"natural_ends": ["low"]},
    {"name": "depth", "kind": "choice", "choices": ["head", "all"], "low": 0.0, "high": 0.0, "log": False},
]


@pytest.fixture
def run(tmp_path):
    """Three seeds of two arms whose best trials are inside all ranges."""
    run = write_run(tmp_path / "run", settings(datasets=("toy",), n_per_class=(100,)), aurocs=(0.8, 0.85), images=200)
    write_json(run / SPEC, read_json(run / SPEC) | {"spaces": {"scratch": SPACE, "imagenet": SPACE}})
    for folder in run.glob("cells/*/*/*/*"):
        set_trials(folder, {"rate": 1e-3, "epochs": 58, "smoothing": 0.1, "depth": "all"}, best={"epochs": 30})
    return run


def set_trials(folder, parameters, best):
    """All trials have these parameters and .8; the best one, of .9 and number 1, others."""
    trials = read_table(folder / TRIALS)
    trials["ended"] = "ok"
    trials["value"] = np.where(trials["trial"] == 1, 0.9, 0.8)
    trials["parameters"] = [json.dumps(parameters | (best if t == 1 else {})) for t in trials["trial"]]
    write_table(folder / TRIALS, trials, TRIAL_COLUMNS)


def set_epochs(folder, *of_trials):
    """(epochs, value) of every trial."""
    trials = read_table(folder / TRIALS)
    trials["ended"] = "ok"
    trials["value"] = [value for _, value in of_trials]
    trials["parameters"] = [json.dumps({"epochs": epochs}) for epochs, _ in of_trials]
    write_table(folder / TRIALS, trials, TRIAL_COLUMNS)


def cells(run, arm):
    return sorted(run.glob(f"cells/*/*/*/{arm}"))


def trials_of(run):
    return read_trials(run, read_json(run / SPEC), AUROC)


def test_a_fair_run_raises_no_flag(run):
    for folder in cells(run, "imagenet"):
        set_epochs(folder, *rising_by(0.0))
    computed = study_of(run)
    assert flag_sentences(computed) == []
    frame = flags.build(computed)
    assert not frame["flagged"].any()
    assert set(frame["check"]) == {"chance", "edge", "rise"}, "what was checked is listed all the same"
    assert frame[frame["check"] == "edge"]["where"].tolist() == ["depth, high end"]


def test_a_best_trial_at_the_cap_in_more_than_a_third_of_the_cells_stands_before_the_findings(run):
    set_trials(cells(run, "imagenet")[0], {"epochs": 30}, best={"epochs": 60})
    assert flag_sentences(study_of(run)) == [], "one of three is not more than a third"
    set_trials(cells(run, "imagenet")[1], {"epochs": 30}, best={"epochs": 57})
    computed = study_of(run)
    first, last = flag_sentences(computed)
    assert "'imagenet' is at the cap of 60 epochs in 2 of 3 cells" in first
    assert head(computed, {}, []).warnings[:2] == [first, last]
    row = flags.build(computed).query("flagged")
    assert row[["arm", "where", "cells", "of"]].to_numpy().tolist() == [["imagenet", "epochs, high end", 2, 3]]


def test_natural_ends_and_choices_are_listed_and_never_flagged(run):
    for folder in cells(run, "scratch"):
        set_trials(folder, {"epochs": 30}, best={"rate": 1.2e-4, "smoothing": 0.0, "depth": "head"})
    of_scratch = [edge for edge in edges(trials_of(run)) if edge.arm == "scratch" and edge.cells]
    assert [(edge.dimension, edge.end, edge.natural, edge.flagged) for edge in of_scratch] == [
        ("rate", "low", False, True),
        ("smoothing", "low", True, False),
        ("depth", "low", True, False),
    ]


def test_an_edge_is_the_last_twentieth_on_the_dimensions_own_scale_or_the_last_of_a_grid():
    rate, epochs, smoothing, _ = SPACE
    assert at_end(rate, 1.25e-4, "low") and not at_end(rate, 1.27e-4, "low")
    assert at_end(epochs, 56, "high") and not at_end(epochs, 55, "high")
    assert at_end(smoothing, 0.2, "high") and not at_end(smoothing, 0.15, "high")


def test_best_trials_at_an_end_must_be_more_than_luck():
    assert too_many(2, 5, 0, 1) and not too_many(1, 3, 0, 1)
    assert not too_many(1, 2, 0, 1), "one of two may be luck"
    assert not too_many(2, 5, 5, 1) and not too_many(3, 5, 5, 1) and too_many(4, 5, 5, 1)
    assert not too_many(2, 5, 0, 7) and too_many(3, 5, 0, 7), "one of seven ends is there twice more often"
    assert too_many(2, 3, 0, 7) and not too_many(3, 10, 0, 7) and too_many(4, 10, 0, 7)


def test_luck_flags_an_arm_in_one_run_of_twenty_at_most():
    """Of best trials anywhere in their ranges, in 5 cells: both ends of 3 ranges, and the last of a grid."""
    of_range, of_grid = (np.array([too_many(count, 5, grid, 7) for count in range(6)]) for grid in (0, 5))
    places = np.random.default_rng(0).uniform(size=(4000, 5, 3))
    grid = np.random.default_rng(1).integers(5, size=(4000, 5))
    at_ends = np.concatenate([(places < 0.05).sum(1), (places > 0.95).sum(1)], 1)
    assert (of_range[at_ends].any(1) | of_grid[(grid == 4).sum(1)]).mean() <= 0.05


def rising_by(gain):
    """Six trials: in the top fifth of 15 to 60 epochs, [45.5, 60], the better two of three; two in the fifth below."""
    return (46, 0.8 + gain), (60, 0.8 + gain), (52, 0.2), (35, 0.8), (45, 0.7), (30, 0.99)


def test_an_arm_that_rises_at_the_cap_is_named_with_its_error(run):
    for seed, folder in enumerate(cells(run, "scratch")):
        set_epochs(folder, *rising_by(0.03 + 0.01 * (seed - 1)))
    for seed, folder in enumerate(cells(run, "imagenet")):
        set_epochs(folder, *rising_by(0.03 + 0.06 * (seed - 1)))
    certain, doubtful = rises(trials_of(run))
    assert certain.gain == pytest.approx(0.03, abs=1e-6) and certain.se == pytest.approx(0.01 / 3**0.5, rel=1e-4)
    assert (certain.trials, certain.cells) == (9, 3)
    assert certain.flagged and not doubtful.flagged, "a gain whose interval holds zero is none"
    sentence = flag_sentences(study_of(run))[0]
    assert "'scratch' still rises at the cap" in sentence and "0.030 (standard error 0.006)" in sentence


def test_a_small_gain_and_one_cell_alone_are_no_rise(run):
    for folder in cells(run, "scratch"):
        set_epochs(folder, *rising_by(0.009))
    set_epochs(cells(run, "imagenet")[0], *rising_by(0.1))
    small, alone = rises(trials_of(run))
    assert small.gain == pytest.approx(0.009, abs=1e-6) and alone.cells == 1 and alone.gain == pytest.approx(0.1)
    assert not small.flagged and not alone.flagged


def test_the_decay_of_the_learning_rate_within_fits_is_no_rise(run):
    """Trials as good at 40 epochs as at 60: whatever their curves do, the cap does not bind."""
    for folder in cells(run, "scratch"):
        set_epochs(folder, *rising_by(0.0))
    (rise,) = rises(trials_of(run))
    assert (rise.arm, rise.gain, rise.flagged) == ("scratch", pytest.approx(0.0), False)


def test_a_trial_that_diverged_and_cells_without_both_fifths_do_not_count(run):
    folder = cells(run, "scratch")[0]
    set_epochs(folder, *rising_by(0.03))
    trials = read_table(folder / TRIALS)
    trials.loc[trials["trial"] == 0, "ended"] = "diverged: the loss was not finite"
    write_table(folder / TRIALS, trials, TRIAL_COLUMNS)
    set_epochs(cells(run, "scratch")[1], *[(60, 0.8)] * 6)
    (rise,) = rises(trials_of(run))
    assert (rise.trials, rise.cells) == (2, 1)


def test_a_metric_that_is_better_when_lower_falls_when_it_rises(run):
    for folder in cells(run, "scratch"):
        set_epochs(folder, (46, 0.50), (60, 0.50), (52, 0.9), (35, 0.55), (45, 0.8), (30, 0.1))
    (rise,) = rises(replace(trials_of(run), metric=metrics.find("log_loss")))
    assert rise.gain == pytest.approx(0.05, abs=1e-6)


def test_an_arm_at_chance_is_named_from_predictions_alone(tmp_path):
    run = write_run(tmp_path, settings(datasets=("toy",), n_per_class=(100,)), aurocs=(0.5, 0.9), images=200)
    computed = replace(study_of(run), trials=None)
    assert [chance.flagged for chance in chances(computed)] == [True, False]
    assert "'scratch' is at chance" in flag_sentences(computed)[0]


def test_one_collapsed_run_among_good_ones_is_not_an_arm_at_chance(run):
    computed = study_of(run)
    block = computed.blocks[0].block
    block.scores[1, 0] = 0.5
    broken = study(replace(computed.predictions, blocks=(block,)), resamples=100)
    assert [(chance.cells, chance.of, chance.flagged) for chance in chances(broken)] == [(0, 3, False), (1, 3, False)]


def test_runs_of_older_versions_have_neither_edges_nor_rises(tmp_path):
    trials = trials_of(write_run(tmp_path, settings(datasets=("toy",), n_per_class=(100,))))
    assert list(edges(trials)) == list(rises(trials)) == []


def test_equal_seconds_cuts_the_costly_arm_off_where_the_cheap_one_ends(run):
    for folder in cells(run, "imagenet"):  # ten times as costly: 10, 20, ... against 1, 2, ... and 21 in all
        costs = read_table(folder / COSTS)
        costs["seconds"] *= 10
        write_table(folder / COSTS, costs, COST_COLUMNS)
        trials = read_table(folder / TRIALS)
        trials["value"] = np.array([0.7, 0.8, 0.9, 0.8, 0.8, 0.8]) + 0.01 * trials["seed"]
        write_table(folder / TRIALS, trials, TRIAL_COLUMNS)
    (pair,) = equal_seconds(trials_of(run))
    assert pair.limits.tolist() == [21.0] * 3
    assert pair.trials.tolist() == [[6] * 3, [1] * 3]
    assert pair.at_trials[1] == pytest.approx([0.9, 0.91, 0.92])
    assert pair.at_seconds[1] == pytest.approx([0.7, 0.71, 0.72])
    row = equal_seconds_table.build(study_of(run)).iloc[0]
    assert row["at_equal_trials"] == pytest.approx(0.01) and row["at_equal_seconds"] == pytest.approx(-0.19)
    assert row["seconds_ci_low"] < -0.19 < row["seconds_ci_high"]


def test_an_arm_without_a_trial_in_time_has_no_value(run):
    for folder in cells(run, "imagenet"):
        costs = read_table(folder / COSTS)
        costs["seconds"] *= 100
        write_table(folder / COSTS, costs, COST_COLUMNS)
    (pair,) = equal_seconds(trials_of(run))
    assert np.isnan(pair.at_seconds[1]).all()
    assert len(equal_seconds_table.build(study_of(run))) == 0
