"""A study that every table and every figure has something for, or nearly."""

import pytest

from tests.analysis.simulated_run import settings, study_of, write_external, write_run


@pytest.fixture(scope="session")
def full_study(tmp_path_factory):
    """With trials of a random sampler, two n, two data sets, another holdout, and a test set from elsewhere."""
    folder = tmp_path_factory.mktemp("runs")
    other = write_run(folder / "grouped", settings(sampler="random", holdout="grouped"), first_seed=7)
    spec = settings(sampler="random")
    return study_of(write_external(write_run(folder / "official", spec), spec, dropped=["$x^$"]), other=other)
