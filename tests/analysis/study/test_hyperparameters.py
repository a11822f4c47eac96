"""What was chosen, which hyper-parameters mattered, and how the best trials went, from the trials alone."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from analysis.figures import _drawing
from analysis.figures import training_curves as curves_figure
from analysis.predictions.block import Predictions
from analysis.statistics.regression import explained
from analysis.study.chosen import best_trials
from analysis.study.importance import FEWEST_TRIALS, importances
from analysis.study.study import study
from analysis.study.training_curves import CHECKED, training_curves
from analysis.study.trials import Trials
from analysis.tables import hyperparameters, importance
from benchmark import metrics
from tests.analysis.conftest import make_block

SPACE = [
    {"name": "rate", "kind": "float", "low": 1e-4, "high": 1e-2, "log": True, "choices": []},
    {"name": "idle", "kind": "float", "low": 0.0, "high": 1.0, "log": False, "choices": []},
    {"name": "depth", "kind": "choice", "low": 0.0, "high": 0.0, "log": False, "choices": ["head", "all"]},
]


def made(trials=40, seeds=3, metric="auroc"):
    """Trials that are best in the middle of the learning rate, and a little better in all depth."""
    rng = np.random.default_rng(0)
    rows, curves = [], []
    for seed in range(seeds):
        for number in range(trials):
            drawn = {"rate": 10 ** rng.uniform(-4, -2), "idle": rng.random(), "depth": ("head", "all")[number % 2]}
            value = 0.9 - 0.1 * (np.log10(drawn["rate"]) + 3) ** 2 + 0.03 * (drawn["depth"] == "all")
            value += 0.005 * rng.normal()
            key = {"dataset": "toy", "n_per_class": 100, "arm": "scratch", "seed": seed, "trial": number}
            rows.append(key | {"value": value, "parameters": json.dumps(drawn), "epochs": 16, "seconds": 1.0})
            curves += [
                key
                | {"fold": fold, "losses": np.linspace(1, 0.2, 16, dtype=np.float32)}
                | {"checked": np.array([8, 16], np.int32), "values": np.array([value - 0.1, value], np.float32)}
                for fold in range(2)
            ]
    frame = pd.DataFrame(rows)
    if metric == "log_loss":
        frame["value"] = -frame["value"]
    return Trials(frame, metrics.find(metric), "tpe", pd.DataFrame(curves), {"scratch": SPACE})


def test_what_is_explained_is_ridge_regression_with_one_left_out():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(30, 4)) * [1, 5, 0.1, 3] + 2
    values = columns @ [1.0, 0.2, 3.0, 0.0] + rng.normal(size=30)
    moving = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    left_out = cross_val_predict(Ridge(alpha=1.0), moving, values, cv=LeaveOneOut())
    means = (values.sum() - values) / 29
    assert explained(columns, values) == pytest.approx(
        1 - ((values - left_out) ** 2).sum() / ((values - means) ** 2).sum()
    )
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    assert explained(columns, values) == pytest.approx(
        1
        - ((values - cross_val_predict(pipeline, columns, values, cv=LeaveOneOut())) ** 2).sum()
        / ((values - means) ** 2).sum(),
        abs=0.05,
    )


def test_nothing_is_explained_of_what_does_not_vary_or_by_noise():
    rng = np.random.default_rng(2)
    assert explained(rng.normal(size=(20, 3)), np.ones(20)) == 0 == explained(np.ones((20, 2)), rng.normal(size=20))
    assert np.mean([explained(rng.normal(size=(30, 3)), rng.normal(size=30)) for _ in range(50)]) < 0


def test_the_hyper_parameter_that_made_the_values_is_the_most_important():
    by_name = {one.dimension: one for one in importances(made())}
    assert by_name["rate"].losses.min() > 0.4 > by_name["depth"].losses.max() > 0.02
    assert abs(by_name["idle"].losses).max() < 0.05 and by_name["rate"].explained.min() > 0.85
    trials = made()
    computed = study(Predictions((make_block(images=60),), {}, ()), resamples=60, trials=trials)
    frame = importance.build(computed)
    assert list(frame["hyperparameter"]) == ["rate", "depth", "idle"] and (frame["seeds"] == 3).all()


def test_few_trials_have_no_importances():
    assert list(importances(made(trials=FEWEST_TRIALS - 1))) == []


@pytest.mark.parametrize(("metric", "best"), [("auroc", "max"), ("log_loss", "min")])
def test_the_best_trial_of_every_cell_is_chosen_in_the_metrics_direction(metric, best):
    trials = made(metric=metric)
    ((_, part),) = trials.by_arm()
    chosen = best_trials(part, trials.metric.sign)
    assert [one.seed for one in chosen] == [0, 1, 2]
    assert [one.value for one in chosen] == list(getattr(part.groupby("seed")["value"], best)())


def test_the_table_of_chosen_hyper_parameters_has_a_row_a_cell():
    computed = study(Predictions((make_block(images=60),), {}, ()), resamples=60, trials=made())
    frame = hyperparameters.build(computed)
    assert len(frame) == 3 and list(frame.columns)[-3:] == ["rate", "idle", "depth"]
    assert hyperparameters.build(study(computed.predictions, resamples=60)) is None


def test_training_curves_are_those_of_the_best_trials():
    trials = made()
    (curves,) = training_curves(trials)
    ((_, part),) = trials.by_arm()
    best = [one.value for one in best_trials(part, 1)]
    assert curves.values[:, -1] == pytest.approx(best) and curves.values[:, -2] == pytest.approx(np.array(best) - 0.1)
    assert np.isnan(curves.values[:, : len(CHECKED) - 2]).all(), "checked at half and at the end alone"
    assert curves.losses[:, -1] == pytest.approx(0.2) and (np.diff(curves.losses) <= 0).all()
    computed = study(Predictions((make_block(images=60),), {}, ()), resamples=60, trials=trials)
    with _drawing.style():
        assert len(curves_figure.draw(computed).axes) == 2


def test_without_curves_there_is_no_figure():
    trials = made()
    bare = Trials(trials.frame, trials.metric, "tpe", None, trials.spaces)
    assert list(training_curves(bare)) == []
    computed = study(Predictions((make_block(images=60),), {}, ()), resamples=60, trials=bare)
    with _drawing.style():
        assert curves_figure.draw(computed) is None
