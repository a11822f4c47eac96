"""A finished run's folder with its report, and its way into MLflow."""

import pandas as pd

from benchmark import metrics
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    CURVE_COLUMNS,
    CURVES,
    DONE,
    PREDICTION_COLUMNS,
    PREDICTIONS,
    SPEC,
    TRIAL_COLUMNS,
    TRIALS,
    write_json,
    write_table,
)
from benchmark.spec import Cell
from benchmark.tracking.mirror import Mirror
from tests.simulated import info, predictions

CELL = Cell("sim", 100, 0, "scratch")
METRICS = {"holdout_auroc": 0.8, "best_validation": 0.9}


def rows(cell, number):
    keys = {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}
    trial = keys | {
        "trial": number,
        "state": "COMPLETE",
        "value": 0.5 + 0.1 * (number % 3),
        "fold_values": [0.5, 0.6],
        "parameters": '{"learning_rate": 0.001, "width": 16}',
        "epochs": 4,
        "images_seen": 400,
        "ended": "ok",
    }
    return trial, keys | {"trial": number, "seconds": 1.5, "peak_memory_mb": 100.0}


def curves(cell, number):
    """Two folds, of which the second diverged after an epoch."""
    keys = {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}
    losses, values = ([0.75, 0.5], [0.5]), ([float("nan"), 0.75], [])
    return [
        keys | {"trial": number, "fold": fold, "losses": losses[fold], "checked": [1, 2][: len(values[fold])]}
        | {"values": values[fold]}
        for fold in range(2)
    ]  # fmt: skip


def make_run(root):
    """A run folder with one finished cell of four trials."""
    folder = CELL.folder(root / "mine")
    trials, costs = zip(*(rows(CELL, number) for number in range(4)), strict=True)
    write_table(folder / TRIALS, pd.DataFrame(trials), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame(costs), COST_COLUMNS)
    of_trials = [row for number in range(4) for row in curves(CELL, number)]
    write_table(folder / CURVES, pd.DataFrame(of_trials), CURVE_COLUMNS)
    write_table(folder / PREDICTIONS, predictions(arms=("scratch",), seeds=1), PREDICTION_COLUMNS, info())
    cell = {"dataset": "sim", "arm": "scratch", "n_per_class": 100, "seed": 0}
    write_json(folder / DONE, {"cell": cell, "budget": 4, "metrics": METRICS})
    spec = {"datasets": ["sim"], "n_per_class": [100], "arms": ["scratch", "other"], "seeds": 1, "budget": 4}
    spaces = {"scratch": [{"name": "learning_rate"}, {"name": "width"}]}
    described = {
        "spec": spec,
        "spaces": spaces,
        "inputs": {"data sim": "sim version 1"},
        "arms": {"scratch": {"title": "a CNN"}},
    }
    write_json(root / "mine" / SPEC, described)
    return root / "mine"


def make_report(run):
    """Its report, of two arms."""
    folder = run / "report"
    (folder / "figures").mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>the report</title><h1>the report</h1>")
    (folder / "figures" / "forest.png").write_bytes(b"picture")
    of_block = {"dataset": "sim", "n_per_class": 100, "metric": "auroc"}
    arms = [
        of_block | {"arm": arm, "seeds": 1, "estimate": at, "ci_low": at - 0.05, "ci_high": at + 0.05, "seed_sd": None}
        for arm, at in (("other", 0.7), ("scratch", 0.8))
    ]
    pd.DataFrame(arms).to_csv(folder / "tables" / "arms.csv", index=False)
    of_far = {"dataset": "sim -> far::ill=a+b", "arm": "scratch", "estimate": 0.6}
    pd.DataFrame([of_block | of_far]).to_csv(folder / "tables" / "external_arms.csv", index=False)
    pair = of_block | {"arm_a": "other", "arm_b": "scratch", "difference": 0.1, "verdict": "better"}
    pd.DataFrame([pair]).to_csv(folder / "tables" / "pairwise.csv", index=False)
    return folder


def mirrored(run, sent=4, tuned="auroc"):
    with Mirror(run.parent, run, metrics.find(tuned)) as mirror:
        mirror.study_started(CELL, {"holdout": "official", "overlap": {"100": 0.0}})
        for number in range(sent):
            mirror.trial_finished(CELL, *rows(CELL, number), curves(CELL, number))
        mirror.study_finished(CELL, METRICS, CELL.folder(run))
        if (run / "report").exists():
            mirror.report_written(run / "report")
    return mirror
