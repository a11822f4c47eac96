"""What tuning bought: in the tuned metric and its direction, whatever is concluded on."""

import numpy as np
import pytest

from analysis.tables import crossing, expected_maximum, optimism
from benchmark.results import TRIAL_COLUMNS, TRIALS, read_table, write_table
from tests.analysis.simulated_run import settings, study_of, write_run


@pytest.fixture(scope="module")
def log_loss(tmp_path_factory):
    """A run that was tuned on log-loss: validation says .1 where the holdout says much more."""
    spec = settings(datasets=("made up",), n_per_class=(100,), tune_metric="log_loss")
    run = write_run(tmp_path_factory.mktemp("run"), spec)
    for cell in spec.cells():
        path = cell.folder(run) / TRIALS
        trials = read_table(path)
        trials["value"] = np.array([0.5, 0.4, 1000.0, 0.1, 0.3, 0.2]) + 0.01 * cell.seed
        write_table(path, trials, TRIAL_COLUMNS)
    return study_of(run)


def test_lower_is_better_gains_and_optimism_are_positive_where_they_should_be(log_loss):
    frame = optimism.build(log_loss)
    columns = list(frame.columns)
    assert columns[columns.index("n_per_class") + 1] == "metric" and set(frame["metric"]) == {"log_loss"}
    assert frame["default_validation"].to_numpy() == pytest.approx(0.51)
    assert frame["best_validation"].to_numpy() == pytest.approx(0.11)
    assert frame["tuning_gain"].to_numpy() == pytest.approx(0.4)
    holdout = log_loss.of("log_loss")[0].values.mean(axis=1)
    assert frame["holdout"].to_numpy() == pytest.approx(holdout)
    assert frame["optimism"].to_numpy() == pytest.approx(holdout - 0.11)
    assert (frame["optimism"] > 0).all() and (frame["default_was_best"] == 0).all()


def test_higher_is_better(full_study):
    frame = optimism.build(full_study)
    assert set(frame["metric"]) == {"auroc"} and len(frame) == 8
    assert (frame["tuning_gain"] >= 0).all()
    assert frame["optimism"].to_numpy() == pytest.approx(frame["best_validation"] - frame["holdout"])
    assert frame["tuning_gain"].to_numpy() == pytest.approx(frame["best_validation"] - frame["default_validation"])


def test_crossings_follow_the_direction(log_loss):
    frame = crossing.build(log_loss)
    assert frame["final"].to_numpy() == pytest.approx(0.11)
    assert set(frame["trials_to_its_final"]) == {"4"}


def test_the_expected_best_of_random_trials_leaves_the_default_out(full_study, log_loss):
    assert expected_maximum.build(log_loss) is None
    frame = expected_maximum.build(full_study)
    assert sorted(set(frame["trials"])) == [1, 2, 3, 5]
    values = full_study.trials.frame
    first = values[(values["dataset"] == "made up") & (values["n_per_class"] == 100) & (values["arm"] == "scratch")]
    random = first[first["trial"] > 0].groupby("seed")["value"]
    rows = frame[(frame["dataset"] == "made up") & (frame["n_per_class"] == 100) & (frame["arm"] == "scratch")]
    assert rows["expected_best"].iloc[0] == pytest.approx(random.mean().mean())
    assert rows["expected_best"].iloc[-1] == pytest.approx(random.max().mean())
    assert (np.diff(rows["expected_best"]) > 0).all()


def test_where_lower_is_better_the_expected_best_falls(tmp_path):
    run = write_run(tmp_path, settings(datasets=("toy",), n_per_class=(100,), tune_metric="log_loss", sampler="random"))
    frame = expected_maximum.build(study_of(run))
    assert (np.diff(frame[frame["arm"] == "scratch"]["expected_best"]) < 0).all()
