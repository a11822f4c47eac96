"""The journal: what is on disk when, and that Optuna reads it."""

import json
import os

import pytest

from studies.journal import CREATE_STUDY, SET_STATE, JournalFile, finished_count, finished_seconds
from tests.studies.test_tune import evaluate, search, tune


def test_a_trial_is_written_as_one_before_anyone_is_told(tmp_path):
    journal = tmp_path / "study.jsonl"
    sizes = []

    def watched(number, parameters):
        sizes.append(journal.stat().st_size)
        return evaluate(number, parameters)

    told = []

    def finished(trial):
        told.append(json.loads(journal.read_bytes().splitlines()[-1]))

    tune(search(tmp_path), 4, watched, finished)
    assert [line["op_code"] for line in told] == [SET_STATE] * 4
    assert told[-1]["values"] is not None
    assert len(set(sizes[1:])) == 3, "and between two results nothing"


def test_optuna_reads_what_stands_there(tmp_path):
    import optuna

    trials = tune(search(tmp_path), 3, evaluate)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.jsonl"))
    (study,) = optuna.storages.JournalStorage(backend).get_all_studies()
    storage = optuna.storages.JournalStorage(backend)
    read = optuna.load_study(study_name=study.study_name, storage=storage).get_trials()
    assert [trial.params for trial in read] == [dict(trial.parameters) for trial in trials]


def test_seconds_of_finished_trials_are_read_without_opening_the_study(tmp_path):
    path = tmp_path / "study.jsonl"
    assert finished_seconds(path) == []
    tune(search(tmp_path), 3, evaluate)
    assert finished_seconds(path) == [0.0] * 3 and finished_count(path) == 3
    path.write_text("not a journal\n")
    assert finished_seconds(path) == []


def test_closing_waits_for_the_disk_and_drops_what_is_unfinished(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = JournalFile(tmp_path / "study.jsonl")
    journal.append_logs([{"op_code": CREATE_STUDY}])
    journal.append_logs([{"op_code": 4}])
    assert list(journal.read_logs(0)) == [{"op_code": CREATE_STUDY}, {"op_code": 4}]
    journal.close()
    assert len(synced) == 1
    assert (tmp_path / "study.jsonl").read_text() == '{"op_code":0}\n'
    with pytest.raises(ValueError):
        (tmp_path / "bad").write_text("{\n")
        JournalFile(tmp_path / "bad")
