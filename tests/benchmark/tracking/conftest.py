import shutil

import pytest

from benchmark.tracking.database import DATABASE, complete, open_database
from tests.benchmark.tracking.mirrored_run import make_report, make_run


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's database with its tables, which take a second to make."""
    root = tmp_path_factory.mktemp("empty")
    open_database(root)
    complete(root, DATABASE)
    return root / DATABASE


@pytest.fixture
def run(tmp_path, empty_database):
    """A run folder with one finished cell of four trials, beside an empty database."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_database, tmp_path / "mlruns" / DATABASE)
    return make_run(tmp_path / "mlruns")


@pytest.fixture
def report(run):
    return make_report(run)
