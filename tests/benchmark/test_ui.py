"""The user interface: it starts, knows its link, says what is wrong, and leaves no process behind."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.tracking import Mirror, layout
from benchmark.ui import HOST, free_port, main
from tests.benchmark.test_tracking import CELL, tell


def test_without_a_database_it_says_what_to_do(tmp_path, capsys):
    assert main(["--root", str(tmp_path)]) == 2
    assert "python -m benchmark.run" in capsys.readouterr().err
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "spec.json").write_text("{}")
    assert main(["--root", str(tmp_path)]) == 2
    assert "--rebuild" in capsys.readouterr().err


def test_a_taken_port_names_a_free_one(tmp_path, capsys):
    (tmp_path / layout.DATABASE).touch()
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--root", str(tmp_path), "--port", str(port)]) == 2
        said = capsys.readouterr().err
        named = int(re.search(r"--port (\d+)", said)[1])
        assert free_port(named) == named
    with pytest.raises(InputError, match="no port"):
        free_port(70000)


@pytest.mark.slow
def test_it_serves_the_runs_and_ends_with_all_its_processes(tmp_path):
    with Mirror(tmp_path, "first") as mirror:
        tell(mirror, tmp_path / "first", CELL)
    command = [sys.executable, "-m", "benchmark.ui", "--root", str(tmp_path)]
    interface = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        link = next(line for line in interface.stderr if line.startswith("http"))
        assert re.fullmatch(
            rf"http://{HOST}:\d+/#/experiments/1/runs\?workflowType=machine_learning&compareRunsMode=CHART\n",
            link,
        )
        address = link.split("/#")[0]
        request = urllib.request.Request(
            f"{address}/api/2.0/mlflow/runs/search",
            json.dumps({"experiment_ids": ["1"]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert len(json.load(answer)["runs"]) == 6
        below = descendants(interface.pid)
        assert 1 <= len(below) <= 3
    finally:
        interface.send_signal(signal.SIGINT)
        assert interface.wait(timeout=60) == 0
    until = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def descendants(pid):
    """All processes under one (Linux)."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
