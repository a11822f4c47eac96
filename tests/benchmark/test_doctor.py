import pytest

from benchmark import doctor
from benchmark.errors import InputError
from benchmark.runs import health


@pytest.fixture
def healthy(monkeypatch, tmp_path):
    """A machine on which all is well, whatever the one that runs the test is like."""
    monkeypatch.setattr(health, "_cards", list)
    monkeypatch.setattr(health, "free_bytes", lambda place: 10**12)
    monkeypatch.setattr(health, "_weights", lambda root: iter([health.Check("imagenet weights", "ok", "there")]))
    monkeypatch.setattr(health, "_group_limit", lambda: None)
    monkeypatch.setattr(health, "LITTLE_MEMORY", 0)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def told(capsys, *flags):
    code = doctor.main(flags)
    return code, capsys.readouterr().out


def test_a_healthy_machine_is_ready_and_fits_one_screen(healthy, capsys):
    code, said = told(capsys)
    assert code == 0 and "ready" in said and "WRONG" not in said
    assert len(said.splitlines()) <= 24
    for subject in ("Python", "packages", "GPU", "threads", "memory", "permissions", "disk", "weights", "data"):
        assert subject in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda patch: patch.setattr(health, "_cards", lambda: ["NVIDIA H100"]), ("NVIDIA H100", "install")),
        (lambda patch: patch.setattr(health, "free_bytes", lambda place: 10**6), ("1.0 MB free", "make room")),
        (lambda patch: patch.setattr(health, "NEEDED", ("torch", "torchh")), ("torchh", "pip install")),
        (lambda patch: patch.setattr(health, "LITTLE_MEMORY", 10**15), ("memory", "--workers 1")),
        (lambda patch: patch.setenv("BENCHMARK_DATA", "nowhere"), ("does not exist", "benchmark.data list")),
        (lambda patch: patch.setattr(health, "_weights", lambda root: 1 / 0), ("ZeroDivisionError", "bug")),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(healthy, capsys, change, words):
    import torch

    if torch.cuda.is_available():
        healthy.setattr(torch.cuda, "is_available", lambda: False)
    change(healthy)
    code, said = told(capsys)
    assert code == 1 and "WRONG" in said
    assert all(word in said for word in words)


def test_ambiguous_weights_are_named_and_a_file_for_a_folder(healthy, capsys, tmp_path):
    def refuse(root):
        raise InputError("holds 2 files")
        yield

    healthy.setattr(health, "_weights", refuse)
    (tmp_path / "mlruns").write_text("")
    code, said = told(capsys)
    assert code == 1 and "holds 2 files" in said and "cannot be written to (it is a file)" in said
