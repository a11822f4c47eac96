import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pandas as pd
import pytest

from benchmark import metrics, ui
from benchmark.errors import InputError
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
from benchmark.tracking import database, server
from benchmark.tracking import mirror as mirror_module
from benchmark.tracking.curves import MOST_POINTS, by_epoch
from benchmark.tracking.database import open_database
from benchmark.tracking.mirror import KEY, Mirror
from benchmark.tracking.rebuild import rebuild
from benchmark.ui import free_port, link
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


@pytest.fixture
def run(tmp_path):
    """A run folder with one finished cell of four trials."""
    folder = CELL.folder(tmp_path / "mlruns" / "mine")
    trials, costs = zip(*(rows(CELL, number) for number in range(4)), strict=True)
    write_table(folder / TRIALS, pd.DataFrame(trials), TRIAL_COLUMNS)
    write_table(folder / COSTS, pd.DataFrame(costs), COST_COLUMNS)
    of_trials = [row for number in range(4) for row in curves(CELL, number)]
    write_table(folder / CURVES, pd.DataFrame(of_trials), CURVE_COLUMNS)
    write_table(folder / PREDICTIONS, predictions(arms=("scratch",), seeds=1), PREDICTION_COLUMNS, info())
    cell = {"dataset": "sim", "arm": "scratch", "n_per_class": 100, "seed": 0}
    write_json(folder / DONE, {"cell": cell, "budget": 4, "metrics": METRICS})
    write_json(tmp_path / "mlruns" / "mine" / SPEC, {})
    return tmp_path / "mlruns" / "mine"


def mirrored(run, sent=4, tuned="auroc"):
    with Mirror(run.parent, run.name, metrics.find(tuned)) as mirror:
        mirror.study_started(CELL, {"holdout": "official", "overlap": {"100": 0.0}})
        for number in range(sent):
            mirror.trial_finished(CELL, *rows(CELL, number), curves(CELL, number))
        mirror.study_finished(CELL, METRICS, CELL.folder(run))
    return mirror


def content(root):
    """What the database holds, without identities and times."""
    client = open_database(root)
    experiments = [e for e in client.search_experiments() if e.name != "Default"]
    assert [e.name for e in experiments] == ["sim-n100"]
    runs = client.search_runs([experiments[0].experiment_id], max_results=1000)
    names = {r.info.run_id: r.data.tags[KEY] for r in runs}
    found = {}
    for r in runs:
        tags = {k: v for k, v in r.data.tags.items() if k in ("mlflow.runName", "kind", "ended")}
        parent = names.get(r.data.tags.get("mlflow.parentRunId", ""))
        found[names[r.info.run_id]] = (tags, parent, dict(r.data.params), dict(r.data.metrics), r.info.status)
    study = next(r for r in runs if r.data.tags["kind"] == "study")
    steps = [m.step for m in client.get_metric_history(study.info.run_id, "best_so_far")]
    trial = next(r for r in runs if r.data.tags["mlflow.runName"] == "trial 000")
    for name in ("train_loss", "validation"):
        steps += [(name, m.step, m.value) for m in client.get_metric_history(trial.info.run_id, name)]
    return found, steps


def test_a_study_its_trials_and_its_final_run(run):
    assert mirrored(run).failure is None
    found, steps = content(run.parent)
    key = "mine/sim/n100/seed00/scratch"
    assert set(found) == {key, f"{key}/final", *(f"{key}/trial{i:03d}" for i in range(4))}
    assert sorted(steps[:4]) == [0, 1, 2, 3]
    assert sorted(steps[4:]) == [("train_loss", 1, 0.625), ("train_loss", 2, 0.5), ("validation", 2, 0.75)]
    _, parent, params, metrics, status = found[key]
    assert parent is None
    assert params == {"arm": "scratch", "n_per_class": "100", "seed": "0"}
    assert metrics["holdout_auroc"] == 0.8
    assert metrics["best_so_far"] == pytest.approx(0.7)
    assert status == "FINISHED"
    assert found[f"{key}/trial002"][1] == key
    assert found[f"{key}/trial002"][2]["width"] == "16"
    assert list((run.parent / "artifacts").rglob(PREDICTIONS))


def test_a_long_curve_is_thinned_to_what_one_batch_takes():
    row = {"losses": [1 / (epoch + 1) for epoch in range(3000)], "checked": [3000], "values": [0.5]}
    points = by_epoch([row])["train_loss"]
    assert len(points) <= MOST_POINTS + 1 and max(points) == 3000 and min(points) == 1


def test_the_best_so_far_of_a_loss_is_its_lowest(run):
    mirrored(run, tuned="log_loss")
    runs, _ = content(run.parent)
    assert runs["mine/sim/n100/seed00/scratch"][3]["best_so_far"] == pytest.approx(0.5)


def test_sending_twice_or_only_at_the_end_changes_nothing(run):
    mirrored(run, sent=2)
    first = content(run.parent)
    mirrored(run)
    assert content(run.parent) == first


def test_a_rebuilt_database_holds_the_same(run):
    mirrored(run)
    live = content(run.parent)
    assert rebuild(run.parent) == 1
    assert content(run.parent) == live
    assert not list(run.parent.glob(".mlflow.db*"))


def test_a_failing_tracker_warns_once_and_never_raises(run, monkeypatch, capsys):
    def broken(*arguments):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(mirror_module, "open_database", broken)
    assert mirrored(run).failure == "the disk is full"
    said = capsys.readouterr().err
    assert said.count("the disk is full") == 1
    assert "--rebuild" in said


def test_a_lock_that_another_process_keeps_is_waited_for_and_then_done_without(run, monkeypatch, capsys):
    assert database.LONGEST_LOCK <= 10
    monkeypatch.setattr(database, "LONGEST_LOCK", 0.3)
    with (run.parent / ".mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        assert "held by another process" in mirrored(run).failure
        assert time.monotonic() - began < 10
    said = capsys.readouterr().err
    assert "MLflow does not follow" in said and "--rebuild" in said


def test_an_experiment_that_another_run_makes_just_now_is_taken(run, monkeypatch):
    client = open_database(run.parent)
    seen = type(client).get_experiment_by_name
    calls = []

    def late(self, name):
        calls.append(name)
        if len(calls) == 1:
            client.create_experiment(name)
            return None
        return seen(self, name)

    monkeypatch.setattr(type(client), "get_experiment_by_name", late)
    assert mirrored(run).failure is None
    assert len(calls) == 2


def test_an_interrupted_run_does_not_wait_for_the_queue_and_loses_nothing(run, monkeypatch):
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Mirror(run.parent, run.name, metrics.find("auroc")) as mirror:
        assert not mirror._thread.is_alive(), "MLflow is imported when there is something to write"
        monkeypatch.setattr(mirror, "_study", lambda cell, facts: time.sleep(0.2))
        for _ in range(100):
            mirror.study_started(CELL, {})
        raise KeyboardInterrupt
    assert time.monotonic() - began < 10
    mirrored(run, sent=0)
    found, steps = content(run.parent)
    assert len(found) == 6 and steps[:4] == [0, 1, 2, 3]
    assert len(steps) == 7, "and the curves"


def test_nothing_to_rebuild_or_to_show_is_said(tmp_path, capsys):
    from benchmark import ui

    with pytest.raises(InputError, match="no run under"):
        rebuild(tmp_path)
    assert ui.main(["--root", str(tmp_path)]) == 2
    assert "benchmark.run" in capsys.readouterr().err


def test_the_next_free_port_is_taken():
    import socket

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert free_port(port) > port
    assert "workflowType=machine_learning" in link(5000, "1")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/get-artifact", True),
        ("POST", "/ajax-api/2.0/mlflow/runs/search", True),
        ("POST", "/api/2.0/mlflow/experiments/set-experiment-tag", True),
        ("POST", "/api/2.0/mlflow/experiments/create", False),
        ("POST", "/api/2.0/mlflow/model-versions/create", False),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact", False),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x", False),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/x", False),
    ],
)
def test_the_pages_are_for_looking(method, path, allowed):
    assert server.is_allowed(method, path) == allowed


def test_a_database_that_would_serve_another_folder_is_refused(run):
    mirrored(run)
    ui._refuse_outside(run.parent)
    open_database(run.parent).create_experiment("evil", artifact_location="file:///etc")
    with pytest.raises(InputError, match="'evil' keeps its files at file:///etc"):
        ui._refuse_outside(run.parent)


def test_only_this_machine_is_listened_to_without_a_word(monkeypatch, capsys, tmp_path):
    assert all(ui._is_loopback(host) for host in ("127.0.0.1", "localhost", "::1"))
    assert not any(ui._is_loopback(host) for host in ("0.0.0.0", "192.168.1.7", "example.org"))
    monkeypatch.setattr(ui, "newest_experiment", lambda root: None)
    monkeypatch.setattr(ui, "artifact_places", lambda root: {})
    (tmp_path / "mlflow.db").touch()
    assert ui.main(["--root", str(tmp_path), "--host", "203.0.113.9"]) == 2
    assert "WARNING: listening on 203.0.113.9" in (said := capsys.readouterr().err)
    assert "no address of this machine" in said


@pytest.mark.slow
def test_the_server_answers_on_this_machine_and_ends_cleanly(run):
    mirrored(run)
    command = [
        sys.executable,
        "-m",
        "benchmark.ui",
        "--root",
        str(run.parent),
        "--port",
        str(free_port(5600)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = re.search(r"127\.0\.0\.1:(\d+)/#/experiments/\d+", server.stdout.readline())[1]
            for _ in range(120):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                        assert answer.status == 200
                        break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail("the server did not answer")
            evil = {"name": "evil", "artifact_location": "file:///etc"}
            for name, body, status in (("create", evil, 403), ("search", {"max_results": 5}, 200)):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/{name}",
                    json.dumps(body).encode(),
                    {"Content-Type": "application/json"},
                )
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        assert answer.status == status
                except urllib.error.HTTPError as error:
                    assert error.code == status
        finally:
            os.kill(server.pid, signal.SIGINT)
        assert server.wait(timeout=30) == 0
    assert free_port(int(port)) == int(port), "nothing listens any more"
