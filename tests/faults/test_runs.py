"""Several runs on one folder, small: `python -m tests.faults.runs` is the large one."""

import pandas as pd
import pytest

from benchmark import run, status
from benchmark.results import DONE, PREDICTIONS, SPEC, read_json
from tests.faults import runs

FLAGS = ["--preset", "mine.toml", "--datasets", "folder:mine", "--workers", "1", "--device", "cpu"]


@pytest.mark.slow
def test_two_runs_on_one_folder_share_its_cells_and_end_with_one_report(tmp_path, monkeypatch):
    runs.prepare(tmp_path, seeds=2, budget=3)
    monkeypatch.chdir(tmp_path)
    assert run.main([*FLAGS, "--out", "alone", "--shard", "1/2"]) == 0
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == ["cells", "leases", SPEC], "and no report"
    said = runs.together(tmp_path, runs=2, kills=0)
    assert all("another process" not in text and "FAILED" not in text for text in said)
    reports = [text.partition("writing the report")[2] for text in said]
    assert reports[0] == reports[1] and "index.html" in reports[0]
    runs.verify(tmp_path, budget=3)
    starts = read_json(tmp_path / "together" / SPEC)["starts"]
    assert len(starts) == 2 and all(start["versions"]["torch"] and start["hardware"]["cores"] for start in starts)
    table = pd.read_csv(tmp_path / "together" / "report" / "tables" / "starts.csv")
    assert table["git_commit"].tolist() == [start["git_commit"] for start in starts]
    assert table["versions"].str.contains("torch").all()


@pytest.mark.slow
def test_one_failed_cell_does_not_cost_the_report(tmp_path, monkeypatch, capsys):
    runs.prepare(tmp_path, seeds=3, budget=1)
    monkeypatch.chdir(tmp_path)
    blocked = tmp_path / "out" / "cells" / "folder:mine" / "n8" / "seed02" / "scratch" / PREDICTIONS
    flags = [*FLAGS, "--out", "out"]
    assert run.main([*flags, "--shard", "2/2"]) == 0
    said = capsys.readouterr().err
    assert "3 cells of 1 trials, 0 already finished" in said and "without --shard" in said
    assert len(list((tmp_path / "out").rglob(DONE))) == 3
    blocked.mkdir(parents=True, exist_ok=True)  # where a file should go
    assert run.main(flags) == 1
    said = capsys.readouterr()
    assert "FAILED folder:mine/n8/seed02/scratch" in said.err and "1 of 6 cells failed" in said.err
    assert "WARNING: Incomplete: 1 of 6 cells are missing: folder:mine/n8/seed02/scratch (failed: " in said.out
    assert "scratch, scratch-same on seeds 0, 1" in said.out
    assert "seed02/scratch" in (tmp_path / "out" / "report" / "index.html").read_text()
    assert status.main(["out"]) == 0
    assert "5 done, 0 running, 1 failed, 0 missing" in capsys.readouterr().out
