"""The mirror: complete, each thing once, made again at any time, and never in the way of a study."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import InputError
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    DONE,
    PREDICTION_COLUMNS,
    PREDICTIONS,
    SPEC,
    TRIAL_COLUMNS,
    TRIALS,
    TableInfo,
    write_json,
    write_table,
)
from benchmark.spec import Cell
from benchmark.tracking import Mirror, layout
from benchmark.tracking import writer as writer_module
from benchmark.tracking.__main__ import main
from benchmark.tracking.database import alone, client_of, use_database

FACTS = {"backbone": "resnet50", "budget": 4, "holdout": "official", "overlap": {"100": 0.1}}


def trial_rows(cell, trials, diverged=(2,)):
    """Rows of the trials and of the costs table."""
    rng = np.random.default_rng([cell.seed, len(cell.arm)])
    rows, costs = [], []
    columns = {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}
    for number in range(trials):
        sound = number not in diverged
        folds = rng.uniform(0.6, 0.9, 3)
        parameters = {"learning_rate": float(10 ** rng.uniform(-5, -2)), "depth": ["head", "all"][number % 2]}
        rows.append(
            columns
            | {
                "trial": number,
                "state": "COMPLETE",
                "value": float(folds.mean()) if sound else -np.inf,
                "fold_values": list(folds) if sound else [],
                "parameters": json.dumps(parameters, sort_keys=True),
                "epochs": 12,
                "images_seen": 1600,
                "ended": "ok" if sound else "diverged: the loss became NaN",
            }
        )
        costs.append(columns | {"trial": number, "seconds": 2.5, "peak_memory_mb": 900.0})
    return rows, costs


def write_cell(run, cell, trials, diverged=(2,)):
    """A finished cell's folder, with made-up results; returns its metrics and tables."""
    folder = cell.folder(run)
    rows, costs = trial_rows(cell, trials, diverged)
    write_table(folder / TRIALS, pd.DataFrame(rows), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame(costs), COST_COLUMNS)
    rng = np.random.default_rng(cell.seed)
    truth = np.eye(2, dtype=np.float32)[rng.integers(0, 2, 30)]
    score = rng.uniform(0, 1, (30, 1)).astype(np.float32)
    predictions = pd.DataFrame(
        {
            "dataset": cell.dataset,
            "arm": cell.arm,
            "n_per_class": cell.n_per_class,
            "seed": cell.seed,
            "refit": 0,
        }
        | {
            "sample_id": [f"image {i}" for i in range(30)],
            "group_id": [f"patient {i // 2}" for i in range(30)],
        }
        | {"y_true": list(truth), "y_score": list(np.hstack([score, 1 - score]))}
    )
    info = TableInfo(
        {cell.dataset: ("no", "yes")}, {cell.dataset: "binary"}, {cell.dataset: {"holdout": "official"}}
    )
    write_table(folder / PREDICTIONS, predictions, PREDICTION_COLUMNS, info)
    best = max(row["value"] for row in rows)
    metrics = {
        "best_validation": best,
        "holdout_auroc": best - 0.05,
        "holdout_log_loss": 0.6,
        "seconds": 2.5 * trials,
    }
    columns = {"dataset": cell.dataset, "arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed}
    write_json(folder / DONE, {"cell": columns, "budget": trials, "metrics": metrics})
    return metrics, [folder / PREDICTIONS, folder / TRIALS]


def write_run(root, name="first", arms=("scratch", "imagenet"), seeds=2, trials=4):
    """A finished run's folder."""
    run = root / name
    write_json(run / SPEC, {"spec": {"backbone": "resnet50", "budget": trials}})
    for arm in arms:
        for seed in range(seeds):
            write_cell(run, Cell("phantom", 100, seed, arm), trials)
    return run


def open_copy(root):
    """A client of a copy: in this process, MLflow may still hold a file that a rebuild has replaced."""
    copy = Path(tempfile.mkdtemp(dir=root.parent)) / "copy.db"
    with closing(sqlite3.connect(root / layout.DATABASE)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return client_of(copy)


def runs_of(root, kind=None, experiment="phantom-n100"):
    client = open_copy(root)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id], max_results=5000)
    return [run for run in found if kind in (None, run.data.tags["benchmark.kind"])]


def tell(mirror, run, cell, trials=4, told=None):
    mirror.study_started(cell, FACTS)
    for row, cost in zip(*trial_rows(cell, trials), strict=True):
        if told is None or row["trial"] in told:
            mirror.trial_finished(cell, row, cost)
    mirror.study_finished(cell, *write_cell(run, cell, trials))


CELL = Cell("phantom", 100, 3, "imagenet")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Made once: MLflow takes seconds for it."""
    root = tmp_path_factory.mktemp("empty")
    with use_database(root):
        return root / layout.DATABASE


@pytest.fixture
def root(tmp_path, empty_database):
    """A root that has its database."""
    shutil.copy(empty_database, tmp_path)
    return tmp_path


def test_a_study_its_trials_and_its_final_run(root):
    with Mirror(root, "first") as mirror:
        tell(mirror, root / "first", CELL)
    assert mirror.failures == 0
    (study,) = runs_of(root, "study")
    trials = sorted(runs_of(root, "trial"), key=lambda run: run.info.run_name)
    (final,) = runs_of(root, "final")
    rows, _ = trial_rows(CELL, 4)
    assert study.info.status == "FINISHED"
    assert study.info.run_name == "imagenet seed03"
    assert study.data.tags[layout.KEY] == "first/phantom/n100/seed03/imagenet"
    assert study.data.params == {
        "arm": "imagenet", "backbone": "resnet50", "dataset": "phantom", "n_per_class": "100", "seed": "3",
    }  # fmt: skip
    best = max(row["value"] for row in rows)
    assert study.data.metrics["best_validation"] == study.data.metrics["best_so_far"] == best
    assert study.data.metrics["holdout_auroc"] == best - 0.05
    assert "holdout: official" in study.data.tags[layout.NOTE]
    assert [i.dataset.name for i in study.inputs.dataset_inputs] == ["phantom"]
    assert {run.data.tags[layout.PARENT] for run in [*trials, final]} == {study.info.run_id}
    assert [run.info.status for run in trials] == ["FINISHED", "FINISHED", "FAILED", "FINISHED"]
    assert trials[0].data.metrics["validation"] == rows[0]["value"]
    assert "validation" not in trials[2].data.metrics, "no infinite bars"
    assert trials[0].data.params == layout.trial_parameters(rows[0])
    assert trials[0].info.end_time - trials[0].info.start_time == pytest.approx(2500, abs=1)
    client = open_copy(root)
    history = client.get_metric_history(study.info.run_id, "best_so_far")
    values = [row["value"] for row in rows]
    assert [point.step for point in history] == [0, 1, 2, 3]
    assert [point.value for point in history] == list(np.maximum.accumulate(values))
    chosen = int(np.argmax(values))
    assert final.data.params["best_trial"] == str(chosen)
    assert final.data.params["learning_rate"] == trials[chosen].data.params["learning_rate"]
    assert {file.path for file in client.list_artifacts(final.info.run_id)} == {PREDICTIONS, TRIALS}


def test_told_twice_or_continued_it_is_one_run(root):
    run = root / "first"
    with Mirror(root, "first") as mirror:  # stopped after two trials
        mirror.study_started(CELL, FACTS)
        rows, costs = trial_rows(CELL, 4)
        for number in (0, 1):
            mirror.trial_finished(CELL, rows[number], costs[number])
    (study,) = runs_of(root, "study")
    assert study.info.status == "KILLED"
    with Mirror(root, "first") as mirror:  # continued; trial 1 is told again
        tell(mirror, run, CELL, told=(1, 2, 3))
    with Mirror(root, "first") as mirror:  # extended
        tell(mirror, run, CELL, trials=6, told=(4, 5))
    assert mirror.failures == 0
    (again,) = runs_of(root, "study")
    assert again.info.run_id == study.info.run_id
    assert again.info.status == "FINISHED"
    assert len(runs_of(root, "trial")) == 6
    assert len(runs_of(root, "final")) == 1
    history = open_copy(root).get_metric_history(study.info.run_id, "best_so_far")
    assert [point.step for point in history] == list(range(6))


@pytest.mark.parametrize("told", [(), (0, 2, 3)])
def test_trials_that_were_not_told_are_caught_up_on(root, told):
    with Mirror(root, "first") as mirror:
        tell(mirror, root / "first", CELL, told=told)
    assert mirror.failures == 0
    (study,) = runs_of(root, "study")
    trials = runs_of(root, "trial")
    assert sorted(int(run.data.tags[layout.TRIAL]) for run in trials) == [0, 1, 2, 3]
    assert {run.data.tags[layout.PARENT] for run in trials} == {study.info.run_id}


def test_a_name_used_again_replaces_the_old_study(root):
    other = Cell("phantom", 100, 3, "scratch")
    rows, costs = trial_rows(other, 1)
    with Mirror(root, "first") as mirror:
        mirror.trial_finished(CELL, rows[0], costs[0])
    with Mirror(root, "first") as mirror:
        tell(mirror, root / "first", CELL)
    assert mirror.failures == 0
    assert len(runs_of(root, "study")) == 1
    assert len(runs_of(root, "trial")) == 4


def test_a_failing_tracker_warns_once_and_gives_up(root, monkeypatch):
    tries, said = [], []

    def fail(*arguments):
        tries.append(1)
        raise OSError("no space left")

    monkeypatch.setattr(writer_module.Writer, "start_study", fail)
    monkeypatch.setattr(writer_module.Writer, "finish_trial", fail)
    rows, costs = trial_rows(CELL, 10)
    with Mirror(root, "first", said.append) as mirror:
        began = time.monotonic()
        mirror.study_started(CELL, FACTS)
        for row, cost in zip(rows, costs, strict=True):
            mirror.trial_finished(CELL, row, cost)
        assert time.monotonic() - began < 1
    assert mirror.failures == 11
    assert len(tries) == 3
    assert len(said) == 2
    assert "no space left" in said[0]
    assert "--rebuild" in said[1]


def test_a_damaged_database_stops_nothing(tmp_path):
    (tmp_path / layout.DATABASE).write_bytes(b"not a database" * 100)
    said = []
    with Mirror(tmp_path, "first", said.append) as mirror:
        mirror.study_started(CELL, FACTS)
    assert mirror.failures == 2
    assert len(said) == 2
    write_run(tmp_path, arms=("scratch",), seeds=1)
    assert main(["--rebuild", "--root", str(tmp_path)]) == 0
    assert len(runs_of(tmp_path)) == 6


def test_a_moved_folder_is_refused_and_a_rebuild_mends_it(tmp_path, capsys):
    old, new = tmp_path / "old", tmp_path / "new %20#1?"
    with Mirror(old, "first") as mirror:
        tell(mirror, old / "first", CELL)
    write_json(old / "first" / SPEC, {"spec": {"backbone": "resnet50", "budget": 4}})
    old.rename(new)
    said = []
    with Mirror(new, "second", said.append) as mirror:
        mirror.study_started(CELL, FACTS)
    assert "moved" in said[0]
    assert not old.exists(), "nothing was written where the folder was"
    assert main(["--rebuild", "--root", str(new)]) == 0
    (final,) = runs_of(new, "final")
    client = open_copy(new)
    assert {file.path for file in client.list_artifacts(final.info.run_id)} == {PREDICTIONS, TRIALS}
    assert len(list((new / layout.ARTIFACTS).iterdir())) == 1, "the files of the old database are gone"
    assert not list(new.glob(".*")), "no drafts are left"
    assert "browse" in capsys.readouterr().out


def test_rebuilt_it_is_what_was_told(root):
    cells = [Cell("phantom", 100, seed, arm) for arm in ("scratch", "imagenet") for seed in (0, 1)]
    with Mirror(root, "first") as mirror:
        for cell in cells:
            tell(mirror, root / "first", cell)

    def content():
        return sorted(
            (run.info.run_name, run.info.status, run.data.tags[layout.KEY], run.data.params, run.data.metrics)
            for run in runs_of(root)
        )

    told = content()
    write_run(root)
    Cell("phantom", 100, 7, "scratch").folder(root / "first").mkdir(parents=True)  # begun, not finished
    assert main(["--rebuild", "--root", str(root)]) == 0
    assert content() == told
    with sqlite3.connect(root / layout.DATABASE) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_named_run_is_added_and_the_others_stay(root):
    elsewhere = root / "elsewhere"
    write_run(root, "first", arms=("scratch",), seeds=1)
    write_run(elsewhere, "second", arms=("scratch",), seeds=1)
    assert main(["--rebuild", "first", "--root", str(root)]) == 0
    done = elsewhere / "second" / "cells" / "phantom" / "n100" / "seed00" / "scratch" / DONE
    write_json(done, {})  # an old one, that says nothing
    assert main(["--rebuild", str(elsewhere / "second"), "--root", str(root)]) == 0
    studies = {run.data.tags["benchmark.run"]: run for run in runs_of(root, "study")}
    assert set(studies) == {"first", "second"}
    assert "best_validation" in studies["second"].data.metrics


def test_rebuild_says_what_is_wrong(tmp_path, capsys):
    assert main(["--rebuild", "--root", str(tmp_path / "absent")]) == 2
    assert main(["--rebuild", "--root", str(tmp_path)]) == 2
    write_run(tmp_path, arms=("scratch",), seeds=1)
    assert main(["--rebuild", "frist", "--root", str(tmp_path)]) == 2
    assert "Runs there: first" in capsys.readouterr().err
    with alone(tmp_path), pytest.raises(InputError, match="in use"), alone(tmp_path):
        pass


def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path):
    code = (
        "import sys; from pathlib import Path; from benchmark.tracking.database import use_database\n"
        "with use_database(Path(sys.argv[1])) as client: print(len(client.search_experiments()))"
    )
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in crowd:
        out, err = process.communicate()
        assert (out, err) == (b"1\n", b""), "and nothing else is printed"


def test_help_imports_no_mlflow():
    code = "import sys, benchmark.tracking.__main__, benchmark.ui; print('mlflow' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "False\n"
