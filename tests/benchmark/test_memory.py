"""Too little memory is one message, whichever library finds it out."""

import errno
import subprocess
import sys

import pytest

from benchmark import memory
from benchmark.command_line import run_command


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("command", "needed"),
    [("benchmark.run", 8), ("benchmark.pretrain --sources brain-mri", 8), ("analysis.report RUN --out DIR", 3)],
)
def test_a_limit_of_addresses_is_refused_before_anything_is_loaded(tmp_path, command, needed):
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v {2 * 2**20}; exec {sys.executable} -m {command}"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: this process may use 2.0 GiB of addresses (ulimit -v), and needs {needed} GiB"
    )
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whoever_runs_out_of_memory_ends_with_one_message(error, capsys):
    def work():
        try:
            raise error
        except Exception as cause:
            raise ImportError("numba could not be imported") from cause

    assert run_command(work) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: memory ran out") and said.count("\n") == 1


def test_other_errors_keep_their_tracebacks():
    def work():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_command(work)
    assert not memory.is_exhausted(None)
