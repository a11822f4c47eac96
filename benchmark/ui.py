"""Browse arms, studies and trials in MLflow's own pages, or studies in Optuna's dashboard, on this machine alone.

python -m benchmark.ui
python -m benchmark.ui --study RUN_OR_CELL
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmark.command_line import run_command
from benchmark.errors import InputError
from benchmark.tracking.database import ARTIFACTS, DATABASE, ENVIRONMENT, artifact_places

HOST = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")  # every address of this machine
TRIED = 50  # ports after the wanted one


def serve(root: Path, port: int, host: str = HOST) -> int:
    """Run the server until it is interrupted, and return its exit code.

    Args:
        root: `mlruns`.
        port: the first to try.
        host: address to listen on; beyond this machine only where the user says so, with a warning.

    Raises:
        InputError: nothing has been run yet, no port is free, or an experiment's files lie outside of `root`.
    """
    database = root.resolve() / DATABASE
    if not database.exists():
        raise InputError(
            f"no {database.name} in {root}: run python -m benchmark.run first, or rebuild it with "
            "python -m benchmark.tracking --rebuild."
        )
    _refuse_outside(root)
    _warn_beyond(host)
    free = free_port(port, host)
    if free != port:
        sys.stderr.write(f"port {port} is taken, using {free}\n")
    # Without job execution it is one process and half a gigabyte instead of fifteen and three.
    command = [sys.executable, "-m", "benchmark.tracking.server", str(root.resolve()), host, str(free)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONPATH": path}
    if not _is_loopback(host):
        environment.setdefault("MLFLOW_SERVER_ALLOWED_HOSTS", "*")
    sys.stdout.write(f"http://{HOST if host in EVERYWHERE else host}:{free}/\nCtrl-C ends it\n")
    sys.stdout.flush()
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda *_: _end(server))
        return 0 if server.wait() in (0, -signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM) else 1


def show_studies(place: Path, port: int, host: str = HOST) -> int:
    """Show studies in Optuna's dashboard until it is interrupted, and return the exit code.

    Args:
        place: a run's folder, one inside it, or a study's journal.
        port: the first to try.
        host: address to listen on.

    Raises:
        InputError: no study, no free port, or the dashboard is not installed.
    """
    from studies import dashboard

    dashboard.check_installed()
    files = dashboard.journals(place)
    _warn_beyond(host)
    free = free_port(port, host)
    studies = "1 study" if len(files) == 1 else f"{len(files)} studies"
    sys.stdout.write(
        f"http://{HOST if host in EVERYWHERE else host}:{free}/ ({studies}, as they are now)\nCtrl-C ends it\n"
    )
    sys.stdout.flush()
    dashboard.serve(files, host, free)
    return 0


def _warn_beyond(host: str) -> None:
    if not _is_loopback(host):
        sys.stderr.write(
            f"WARNING: listening on {host}: whoever reaches this machine can read every run, rename and delete them. "
            "There is no password; a tunnel (ssh -L) is safer.\n"
        )


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _refuse_outside(root: Path) -> None:
    """Refuse a database in which an experiment would serve another folder than `root`."""
    allowed = (root.resolve() / ARTIFACTS).as_uri()
    for name, place in artifact_places(root).items():
        if not f"{place}/".startswith(f"{allowed}/") or ".." in place.split("/"):
            raise InputError(
                f"the experiment '{name}' keeps its files at {place}, which is not under {root}: the folder was moved, "
                "or somebody added it. python -m benchmark.tracking --rebuild makes the database anew."
            )


def free_port(wanted: int, host: str = HOST) -> int:
    """The wanted port, or the next that is free."""
    for port in range(wanted, min(wanted + TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    continue
                raise InputError(f"cannot listen on {host} ({error}): it is no address of this machine.") from error
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
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.ui",
        description="Browse arms, studies and trials in MLflow, or (--study) studies in Optuna's dashboard.",
    )
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: %(default)s")
    parser.add_argument(
        "--study",
        type=Path,
        metavar="RUN_OR_CELL",
        help="show the studies in a run's folder, or in a cell's, in Optuna's dashboard instead (extra 'dashboard')",
    )
    parser.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    parser.add_argument(
        "--host",
        default=HOST,
        metavar="ADDRESS",
        help="listen beyond this machine, where everybody who reaches it can read and delete runs "
        "(default: %(default)s, this machine alone)",
    )
    flags = parser.parse_args(argv)
    if flags.study is not None:
        return run_command(lambda: show_studies(flags.study, flags.port, flags.host))
    return run_command(lambda: serve(flags.root, flags.port, flags.host))


if __name__ == "__main__":
    sys.exit(main())
