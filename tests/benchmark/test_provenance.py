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
