import pytest

from benchmark.runs import provenance
from benchmark.training import kernels


def test_the_kernels_that_train_are_on_record(monkeypatch):
    pytest.importorskip("numba")
    assert kernels.compiled() is not None
    assert provenance.hardware("cpu", 1)["kernels"] == "compiled"
    assert provenance.kernels("cuda") == "library"
    monkeypatch.setattr(provenance, "find_spec", lambda name: None)
    assert provenance.hardware("cpu", 1)["kernels"] == "library"


def test_a_command_is_written_as_it_was_given_without_the_users_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    words = ["/somewhere/benchmark/run.py", "--data-root", f"{tmp_path}/my data", "--budget", "5"]
    assert provenance.command(words, {}) == "python -m benchmark.run --data-root ~'/my data' --budget 5"
    assert provenance.command(["/usr/bin/lowdata", "run", "--shard", "1/2"], {}) == "lowdata run --shard 1/2"


def test_a_command_names_a_folder_of_images_as_tables_do():
    words = ["/somewhere/benchmark/run.py", "--datasets", "folder:/ward/scans/,nih", "--external", "folder:/far::a=b"]
    places = {"folder:scans": "folder:/ward/scans", "nih": "nih", "folder:far": "folder:/far"}
    shown = "python -m benchmark.run --datasets folder:scans/,nih --external folder:far::a=b"
    assert provenance.command(words, places) == shown
