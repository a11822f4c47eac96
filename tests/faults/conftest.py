"""A small run that ended, to be damaged."""

import shutil

import pytest

from benchmark.run import main
from tests.faults import runs


def give(*flags):
    """The run's own command, from its working folder."""
    return main(["--preset", "mine.toml", "--datasets", "folder:mine", "--workers", "1", "--out", "mlruns/run", *flags])


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A working folder with images, a preset and a finished run in it: never to be changed."""
    place = tmp_path_factory.mktemp("finished")
    runs.prepare(place, seeds=3, budget=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("BENCHMARK_DATA", raising=False)
        assert give() == 0
    return place


@pytest.fixture
def place(finished, tmp_path, monkeypatch):
    """A copy of it, which is the working folder."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    monkeypatch.chdir(copy)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    return copy
