"""Optuna's dashboard is shown copies of studies, and says how it is installed."""

import json
import sys
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import pytest

from benchmark import ui
from benchmark.errors import InputError
from benchmark.results import STUDY
from benchmark.ui import free_port
from studies.dashboard import copies, journals
from studies.journal import JournalFile


@pytest.fixture
def run(tmp_path):
    """A run with the journals of two cells, of two trials each; the second is being written."""
    for arm in ("medical", "scratch"):
        folder = tmp_path / "run" / "cells" / "sim" / "n50" / "seed00" / arm
        folder.mkdir(parents=True)
        journal = JournalFile(folder / STUDY)
        storage = optuna.storages.JournalStorage(journal)
        study = optuna.create_study(study_name=f"sim/n50/seed00/{arm}", storage=storage, direction="maximize")
        study.optimize(lambda trial: trial.suggest_float("learning_rate", 0.1, 1.0), n_trials=2)
        journal.close()
    with (folder / STUDY).open("a") as file:
        file.write('{"torn')
    return tmp_path / "run"


def test_every_study_of_a_run_is_copied_and_no_journal_is_touched(run):
    files = journals(run)
    before = [path.read_bytes() for path in files]
    storage = copies(files)
    assert sorted(optuna.get_all_study_names(storage)) == ["sim/n50/seed00/medical", "sim/n50/seed00/scratch"]
    study = optuna.load_study(study_name="sim/n50/seed00/scratch", storage=storage)
    assert len(study.trials) == 2 and study.direction.name == "MAXIMIZE"
    study.set_user_attr("note", "only in the copy")
    assert [path.read_bytes() for path in files] == before
    assert journals(files[0].parent) == journals(files[0]) == [files[0]]


def test_what_holds_no_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no study under .*study\.jsonl"):
        journals(tmp_path)
    (tmp_path / STUDY).write_text("no journal\n")
    with pytest.raises(InputError, match="is not a study's journal"):
        copies(journals(tmp_path))


def test_without_its_package_the_command_says_how_to_install_it(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert ui.main(["--study", str(run)]) == 2
    assert "pip install -c constraints.txt -e '.[dashboard]'" in capsys.readouterr().err


def test_the_dashboard_lists_the_studies(run):
    dashboard = pytest.importorskip("optuna_dashboard")

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments):
            pass

    port = free_port(5680)
    with make_server("127.0.0.1", port, dashboard.wsgi(copies(journals(run))), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=20) as answer:
            listed = json.load(answer)
        server.shutdown()
    names = [summary["study_name"] for summary in listed["study_summaries"]]
    assert sorted(names) == ["sim/n50/seed00/medical", "sim/n50/seed00/scratch"]
