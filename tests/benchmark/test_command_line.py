"""How a command ends: on SIGINT and SIGTERM soon, without a traceback, with what to do next."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = """
import sys, time
from benchmark.command_line import run_command

class Deaf:
    def __del__(self):
        sys.stdout.write("begun\\n"); sys.stdout.flush()
        time.sleep(30)

def work():
    if "lost" in sys.argv:
        Deaf()  # an exception in a destructor is lost
        time.sleep(30)
    sys.stdout.write("begun\\n"); sys.stdout.flush()
    try:
        time.sleep(30)
    finally:
        if "slow" in sys.argv:
            time.sleep(30)
    return 0

sys.exit(run_command(work))
"""


@pytest.mark.parametrize(
    ("kind", "number"),
    [("prompt", signal.SIGINT), ("prompt", signal.SIGTERM), ("slow", signal.SIGTERM), ("lost", signal.SIGTERM)],
)
def test_a_signal_ends_a_command_soon_and_says_how_to_continue(kind, number):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, kind],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    began = time.monotonic()
    process.send_signal(number)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - began < 3 + 2  # the machine may be busy
    assert process.returncode == 128 + number
    assert (
        errors == f"\n{'terminated' if number == signal.SIGTERM else 'interrupted'}: "
        "what was finished is kept, and the same command continues\n"
    )


@pytest.mark.parametrize(("given", "used"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_a_command_wait_without_spinning(given, used):
    work = "lambda: print(os.environ['OMP_WAIT_POLICY']) or 0"
    code = f"import os, sys; from benchmark.command_line import run_command; sys.exit(run_command({work}))"
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"PYTHONPATH": str(ROOT)} | ({"OMP_WAIT_POLICY": given} if given else {})
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout == f"{used}\n"
