import asyncio
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
from urllib.parse import parse_qsl

import pytest

from benchmark import metrics, ui
from benchmark.errors import InputError
from benchmark.results import (
    PREDICTIONS,
    SPEC,
    write_json,
)
from benchmark.spec import Cell
from benchmark.tracking import database, server
from benchmark.tracking import mirror as mirror_module
from benchmark.tracking.answer import ArmAnswer
from benchmark.tracking.curves import MOST_POINTS, by_epoch
from benchmark.tracking.database import landing, open_database
from benchmark.tracking.mirror import KEY, Mirror
from benchmark.tracking.notes import answer_note
from benchmark.tracking.rebuild import rebuild
from benchmark.ui import free_port
from tests.benchmark.tracking.mirrored_run import CELL, curves, mirrored, rows


def content(root):
    """What the database holds, without identities and times."""
    client = open_database(root)
    experiments = {e.name: e for e in client.search_experiments() if e.name != "Default"}
    assert sorted(experiments) == ["mine", "mine trials"]
    runs = [r for e in experiments.values() for r in client.search_runs([e.experiment_id], max_results=1000)]
    names = {r.info.run_id: r.data.tags[KEY] for r in runs}
    found = {}
    for r in runs:
        tags = {k: v for k, v in r.data.tags.items() if k in ("mlflow.runName", "kind", "ended", "verdict", "study")}
        parent = names.get(r.data.tags.get("mlflow.parentRunId", ""))
        digests = [d.dataset.digest for d in r.inputs.dataset_inputs]
        found[names[r.info.run_id]] = (tags, parent, dict(r.data.params), dict(r.data.metrics), r.info.status, digests)
    study = next(r for r in runs if r.data.tags["kind"] == "study")
    steps = [m.step for m in client.get_metric_history(study.info.run_id, "best_so_far")]
    trial = next(r for r in runs if r.data.tags["mlflow.runName"] == "scratch seed 0 trial 000")
    for name in ("train_loss", "validation"):
        steps += [(name, m.step, m.value) for m in client.get_metric_history(trial.info.run_id, name)]
    return found, steps


KEY_OF_STUDY, KEY_OF_ARM = "mine/sim/n100/seed00/scratch", "mine/sim/n100/scratch"


def test_an_arm_its_study_and_the_trials_apart(run):
    assert mirrored(run).failure is None
    found, steps = content(run.parent)
    key, arms = KEY_OF_STUDY, {KEY_OF_ARM, "mine/sim/n100/other"}
    assert set(found) == arms | {key, *(f"{key}/trial{i:03d}" for i in range(4))}
    assert sorted(steps[:4]) == [0, 1, 2, 3]
    assert sorted(steps[4:]) == [("train_loss", 1, 0.625), ("train_loss", 2, 0.5), ("validation", 2, 0.75)]
    _, parent, params, metrics, status, digests = found[key]
    assert parent == KEY_OF_ARM
    assert params == {"dataset": "sim", "arm": "scratch", "n_per_class": "100", "seed": "0"}
    assert metrics["holdout_auroc"] == 0.8
    assert metrics["best_so_far"] == pytest.approx(0.7)
    assert status == "FINISHED" and len(digests) == 1
    tags, parent, params, metrics, *_ = found[f"{key}/trial002"]
    assert parent is None and f"mine/{tags['study']}" == key, "charts show top rows alone: trials are no one's children"
    assert params["width"] == "16" and metrics["epochs_all_folds"] == 4
    assert "epochs_run" not in metrics
    assert list((run.parent / "artifacts").rglob(PREDICTIONS))


def test_the_report_gives_arms_their_numbers_verdict_and_pages(run, report):
    assert mirrored(run).failure is None
    found, _ = content(run.parent)
    tags, parent, params, values, status, _ = found[KEY_OF_ARM]
    assert (parent, status, tags["kind"]) == (None, "FINISHED", "arm")
    assert tags["verdict"] == "better than other"
    assert params == {"dataset": "sim", "arm": "scratch", "n_per_class": "100"}
    expected = {"holdout_auroc": 0.8, "ci_low": 0.75, "ci_high": 0.85, "seeds": 1, "best_validation": 0.9}
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert values["best_so_far"] == pytest.approx(0.7)
    assert values["external_far_ill_a_b_auroc"] == 0.6
    other_tags, _, _, other_values, *_ = found["mine/sim/n100/other"]
    assert other_tags["verdict"] == "worse than scratch" and not [name for name in other_values if "far" in name]
    pages = [path.relative_to(run.parent / "artifacts") for path in (run.parent / "artifacts").rglob("index.html")]
    assert len(pages) == 2
    (report / "index.html").unlink()
    (report / "index.html").write_text("another")
    client = open_database(run.parent)
    experiment = client.get_experiment_by_name("mine")
    note = experiment.tags["mlflow.note.content"]
    assert "sim, n = 100: auroc of scratch 0.800, other 0.700; scratch better than other.**" in note
    assert "| sim | 100 | scratch | 0.800 | 0.750 to 0.850 | better than other |" in note
    assert all((run.parent / "artifacts" / page).read_text() != "another" for page in pages)
    with Mirror(run.parent, run, metrics.find("auroc")) as again:
        again.report_written(report)
    assert again.failure is None
    assert all((run.parent / "artifacts" / page).read_text() == "another" for page in pages)


def test_the_note_of_a_large_study_is_one_that_mlflow_takes():
    names = [f"arm-number-{i:02d}" for i in range(60)]
    verdict = f"better than {', '.join(names)}"
    numbers = {"holdout_auroc": 0.8, "ci_low": 0.7, "ci_high": 0.9}
    answers = [
        ArmAnswer("chest-xray", n, name, rank, "auroc", numbers if rank else {}, verdict, False)
        for n in (50, 100)
        for rank, name in enumerate(names)
    ]
    note = answer_note({"spec": {"budget": 50, "backbone": "resnet50"}}, answers, "/experiments/2/runs")
    assert len(note) <= 5000 and "The report has all 120 rows." in note and "not known" in note
    assert note.split("\n")[0].endswith("...**") and "50 trials a study" in note


def test_arms_stand_before_all_studies_where_the_oldest_come_first(run, report):
    mirrored(run)
    client = open_database(run.parent)
    experiment = client.get_experiment_by_name("mine")
    view = json.loads(experiment.tags["mlflow.sharedViewState.answer"])
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    runs = client.search_runs([experiment.experiment_id], order_by=[order])
    assert [r.data.tags["kind"] for r in runs] == ["arm", "arm", "study"]
    assert [r.data.params["arm"] for r in runs[:2]] == ["scratch", "other"]


def test_a_data_set_has_one_digest_whatever_is_drawn_from_it(run):
    other = Cell("sim", 50, 1, "scratch")
    with Mirror(run.parent, run, metrics.find("auroc")) as mirror:
        mirror.study_started(CELL, {"holdout": "official", "overlap": {"100": 0.0}})
        mirror.study_started(other, {"holdout": "official", "overlap": {"50": 0.1}})
    client = open_database(run.parent)
    runs = client.search_runs([client.get_experiment_by_name("mine").experiment_id], "tags.kind = 'study'")
    assert len(runs) == 2 and len({d.dataset.digest for r in runs for d in r.inputs.dataset_inputs}) == 1


def test_a_study_leads_to_its_trials_and_to_parallel_coordinates_over_its_arms_parameters(run):
    mirrored(run)
    client = open_database(run.parent)
    results, trials = (client.get_experiment_by_name(name) for name in ("mine", "mine trials"))
    study = client.search_runs([results.experiment_id], "tags.kind = 'study'")[0]
    links = re.findall(r"\(#/experiments/(\d+)/runs\?([^)]*)\)", study.data.tags["mlflow.note.content"])
    assert [experiment for experiment, _ in links] == [trials.experiment_id] * 2
    of_study, of_arm = (dict(parse_qsl(query)) for _, query in links)
    assert len(client.search_runs([trials.experiment_id], of_study["searchFilter"])) == 4
    view = json.loads(trials.tags[f"mlflow.sharedViewState.{of_arm['viewStateShareKey']}"])
    assert len(client.search_runs([trials.experiment_id], view["searchFilter"])) == 4
    parallel = next(chart for chart in view["compareRunCharts"] if chart["type"] == "PARALLEL")
    assert parallel["selectedParams"] == ["learning_rate", "width"] and parallel["selectedMetrics"] == ["value"]


def test_more_studies_do_not_make_a_trial_dearer(run):
    """MLflow loads the tags of an experiment with every run that is made in it."""
    mirrored(run)
    client = open_database(run.parent)
    before = len(client.get_experiment_by_name("mine trials").tags)
    other = Cell("sim", 100, 1, "scratch")
    with Mirror(run.parent, run, metrics.find("auroc")) as mirror:
        mirror.trial_finished(other, *rows(other, 0), curves(other, 0))
    assert mirror.failure is None
    assert len(client.get_experiment_by_name("mine trials").tags) == before < 10


def test_the_newest_answer_is_where_the_pages_open(run, report):
    mirrored(run)
    other = run.parent / "other"
    write_json(other / SPEC, {})
    os.utime(other / SPEC, (1, 1))
    with Mirror(run.parent, other, metrics.find("auroc")) as mirror:
        mirror.study_started(CELL, {})
    client = open_database(run.parent)
    first, second = (client.get_experiment_by_name(name).experiment_id for name in ("mine", "other"))
    assert landing(run.parent).startswith(f"/experiments/{first}/runs?")
    os.utime(other / SPEC)
    with Mirror(run.parent, other, metrics.find("auroc")) as mirror:
        mirror._put(lambda: mirror._experiment("results") and mirror._note())
    assert landing(run.parent).startswith(f"/experiments/{second}/runs?")


def test_a_database_of_an_older_layout_opens_on_its_newest_experiment(tmp_path):
    client = open_database(tmp_path)
    assert landing(tmp_path) is None
    old = client.create_experiment("sim-n100")
    assert landing(tmp_path).startswith(f"/experiments/{old}/runs")


def test_the_first_page_goes_to_the_answer_and_other_pages_are_left_alone():
    sent = []

    async def app(scope, receive, send):
        assert (b"if-none-match", b"x") not in scope["headers"] or scope["path"] != "/"
        headers = [(b"content-type", b"text/html"), (b"etag", b"x"), (b"content-length", b"13")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<head></head>"})

    async def send(message):
        sent.append(message)

    asked = {"type": "http", "method": "GET", "headers": [(b"if-none-match", b"x")]}
    served = server.landing_first(app, lambda: "/experiments/7/runs?</script>")
    for path in ("/", "/health"):
        asyncio.run(served({**asked, "path": path}, None, send))
    (start, body), rest = sent[:2], sent[3]
    assert b"location.replace('#' + \"/experiments/7/runs?\\u003c/script>\")" in body["body"]
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert b"etag" not in dict(start["headers"]) and rest["body"] == b"<head></head>"


def test_a_long_curve_is_thinned_to_what_one_batch_takes():
    row = {"losses": [1 / (epoch + 1) for epoch in range(3000)], "checked": [3000], "values": [0.5]}
    points = by_epoch([row])["train_loss"]
    assert len(points) <= MOST_POINTS + 1 and max(points) == 3000 and min(points) == 1


def test_the_best_so_far_of_a_loss_is_its_lowest(run):
    mirrored(run, tuned="log_loss")
    runs, _ = content(run.parent)
    assert runs[KEY_OF_STUDY][3]["best_so_far"] == pytest.approx(0.5)


def test_sending_twice_or_only_at_the_end_changes_nothing(run):
    mirrored(run, sent=2)
    first = content(run.parent)
    mirrored(run)
    assert content(run.parent) == first


def test_a_rebuilt_database_holds_the_same(run, report):
    mirrored(run)
    live = content(run.parent)
    assert rebuild(run.parent) == 1
    assert content(run.parent) == live
    assert not list(run.parent.glob(".mlflow.db*"))
    assert not (run.parent / "mlflow.db-wal").exists() or (run.parent / "mlflow.db").stat().st_size > 0


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
    (run.parent / database.DATABASE).unlink()
    with (run.parent / ".mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        assert "held by another process" in mirrored(run).failure
        assert time.monotonic() - began < 10
    said = capsys.readouterr().err
    assert "MLflow does not follow" in said and "--rebuild" in said


def test_a_database_that_is_made_is_opened_whoever_has_the_lock(run, monkeypatch):
    monkeypatch.setattr(database, "LONGEST_LOCK", 0.3)
    with (run.parent / ".mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert mirrored(run).failure is None, "four runs that start together wait for none but the first"


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
    assert calls == ["mine", "mine", "mine trials"]


def test_an_interrupted_run_does_not_wait_for_the_queue_and_loses_nothing(run, monkeypatch):
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Mirror(run.parent, run, metrics.find("auroc")) as mirror:
        assert not mirror._thread.is_alive(), "MLflow is imported when there is something to write"
        monkeypatch.setattr(mirror, "_study", lambda cell, facts: time.sleep(0.2))
        for _ in range(100):
            mirror.study_started(CELL, {})
        raise KeyboardInterrupt
    assert time.monotonic() - began < 10
    mirrored(run, sent=0)
    found, steps = content(run.parent)
    assert len(found) == 7 and steps[:4] == [0, 1, 2, 3]
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
            port = re.search(r"http://127\.0\.0\.1:(\d+)/$", server.stdout.readline())[1]
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
