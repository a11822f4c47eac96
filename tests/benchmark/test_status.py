"""How far a run is: read from its folder, quickly, whatever state it is in."""

import json
import time

import pytest

from benchmark import status as command
from benchmark.leases import acquire
from benchmark.results import DONE, SPEC, STUDY, write_json
from benchmark.runs import status
from benchmark.runs.status import read_status, status_text
from benchmark.spec import BenchmarkSpec
from studies.open_cells import lease_folder, note_failure


def make(run, seeds, arms=("scratch", "scratch-same")):
    spec = BenchmarkSpec(datasets=("sim",), arms=arms, seeds=seeds, budget=4)
    write_json(run / SPEC, {"spec": spec.as_dict()})
    return list(spec.cells())


def finish(run, cell, seconds=8.0):
    path = cell.folder(run) / DONE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"budget": 4, "metrics": {"seconds": seconds}}))  # as `write_json`, without its sync


def write_trials(run, cell, count):
    path = cell.folder(run) / STUDY
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {"op_code": 6, "worker_id": "w", "trial_id": i, "state": int(i > 0), "values": None} for i in range(count + 1)
    ]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines) + '{"op_code":6,"torn')


def test_every_cell_is_in_one_state_with_who_and_why(tmp_path, capsys, monkeypatch):
    cells = make(tmp_path, seeds=4)
    for cell in cells[:3]:
        finish(tmp_path, cell)
    write_trials(tmp_path, cells[3], 3)
    write_trials(tmp_path, cells[4], 1)
    note_failure(tmp_path, cells[5], "Traceback ...\nValueError: no such luck\n")
    with acquire(lease_folder(tmp_path, cells[3])):
        assert command.main([str(tmp_path)]) == 0
        monkeypatch.setattr(status, "DEAD_AFTER", 0.0)
        assert "perhaps dead" in status_text(read_status(tmp_path))
    said = capsys.readouterr().out
    assert "8 cells: 3 done, 1 running, 1 failed, 3 missing" in said
    assert "16 of 32 trials; about 24 s left with 1 at work" in said, "12 trials of 2 s"
    assert "running\n  sim/n100/seed01/scratch-same  3 of 4 trials  for 0 s, process" in said
    assert "failed\n  sim/n100/seed02/scratch-same  0 of 4 trials  ValueError: no such luck" in said
    assert "missing, begun\n  sim/n100/seed02/scratch  1 of 4 trials" in said
    assert command.main([str(tmp_path)]) == 0
    assert "nobody works on it" in capsys.readouterr().out


def test_two_thousand_cells_take_less_than_three_seconds(tmp_path):
    cells = make(tmp_path, seeds=500, arms=("scratch", "scratch-same", "imagenet", "medical"))
    for cell in cells[::2]:
        finish(tmp_path, cell)
    for cell in cells[1::2]:
        write_trials(tmp_path, cell, 3)
        lease_folder(tmp_path, cell).mkdir(parents=True)
        record = {"host": "a", "pid": 1, "place": "", "born": "", "since": 0, "released": True}
        (lease_folder(tmp_path, cell) / "0").write_text(json.dumps(record))
    began = time.perf_counter()
    text = status_text(read_status(tmp_path))
    assert time.perf_counter() - began < 3
    assert "2000 cells: 1000 done, 0 running, 0 failed, 1000 missing" in text
    assert "... and 980 more: --all" in text and len(text.splitlines()) < 30


def test_watching_ends_with_the_last_cell(tmp_path, monkeypatch, capsys):
    cells = make(tmp_path, seeds=1)
    finish(tmp_path, cells[0])
    monkeypatch.setattr(command.time, "sleep", lambda seconds: finish(tmp_path, cells[1]))
    assert command.main([str(tmp_path), "--watch"]) == 0
    assert "1 done" in (said := capsys.readouterr().out) and "all done" in said


@pytest.mark.parametrize("content", [None, "{}", "[]", "{", '{"spec": {"seeds": 0}}'])
def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / SPEC).write_text(content)
    assert command.main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err or content == '{"spec": {"seeds": 0}}'
