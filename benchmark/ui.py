"""Browse every trial in MLflow's own pages, on this machine alone.

python -m benchmark.ui
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import run_command
from benchmark.errors import InputError
from benchmark.tracking.database import ARTIFACTS, DATABASE, ENVIRONMENT, newest_experiment

HOST = "127.0.0.1"
TRIED = 50  # ports after the wanted one


def serve(root: Path, port: int) -> int:
    """Run the server until it is interrupted, and return its exit code.

    Raises:
        InputError: nothing has been run yet, or no port is free.
    """
    database = root.resolve() / DATABASE
    if not database.exists():
        raise InputError(
            f"no {database.name} in {root}: run python -m benchmark.run first, or rebuild it with "
            "python -m benchmark.tracking --rebuild."
        )
    experiment = newest_experiment(root)
    free = free_port(port)
    if free != port:
        sys.stderr.write(f"port {port} is taken, using {free}\n")
    # Without job execution and with one worker it is two processes and half a gigabyte instead of fifteen and three.
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(free),
        "--workers",
        "1",
    ]
    command += ["--backend-store-uri", f"sqlite:///{database}"]
    command += ["--default-artifact-root", (root.resolve() / ARTIFACTS).as_uri()]
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    sys.stdout.write(f"{link(free, experiment)}\nCtrl-C ends it\n")
    sys.stdout.flush()
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda *_: _end(server))
        return 0 if server.wait() in (0, -signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM) else 1


def link(port: int, experiment: str | None) -> str:
    """The address that opens the newest experiment's charts; MLflow would open in another mode by itself."""
    place = f"experiments/{experiment}/runs" if experiment else "experiments"
    return f"http://{HOST}:{port}/#/{place}?workflowType=machine_learning&compareRunsMode=CHART"


def free_port(wanted: int) -> int:
    """The wanted port, or the next that is free."""
    for port in range(wanted, min(wanted + TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise InputError(f"no free port from {wanted} to {wanted + TRIED - 1}: give another --port.")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and the workers it started: they are a process group of their own."""
    try:
        os.killpg(server.pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.ui", description="Browse every trial in MLflow.")
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: %(default)s")
    parser.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    flags = parser.parse_args(argv)
    return run_command(lambda: serve(flags.root, flags.port))


if __name__ == "__main__":
    sys.exit(main())
