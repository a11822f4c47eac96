"""Browse the trials: MLflow's own user interface over the mirror.

python -m benchmark.ui
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from benchmark.command_line import run_command
from benchmark.errors import InputError

HOST = "127.0.0.1"
PORT = 5000
START = 300.0  # seconds that the server may take, on a crowded machine
GRACE = 10.0  # seconds that it has to end


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.ui",
        description="Browse every study and trial in MLflow's user interface, on this machine alone. "
        "End it with Ctrl-C.",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("mlruns"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--port", type=int, help=f"default: {PORT}, or the next free one")
    parser.add_argument("--browser", action="store_true", help="open the page in the browser, too")
    flags = parser.parse_args(argv)
    return run_command(lambda: _serve(flags.root, flags.port, flags.browser))


def _serve(root: Path, port: int | None, browser: bool) -> int:
    from benchmark.tracking.database import in_use

    root = _checked(root)
    chosen = free_port(port)
    if port is None and chosen != PORT:
        _say(f"port {PORT} is taken, so {chosen} is used")
    _say("starting MLflow's user interface")
    with in_use(root), _ended_by_signals(), _server(root, chosen) as server:
        address = f"http://{HOST}:{chosen}"
        try:
            _wait_until_up(server, address)
            link = charts_link(address, root)
            _say(f"{link}\nCtrl-C ends it.")
            if browser:
                webbrowser.open(link)
            server.wait()
        except KeyboardInterrupt:
            return 0
    _say(f"MLflow's server ended by itself (exit code {server.returncode})")
    return 1


def _checked(root: Path) -> Path:
    from benchmark.tracking.layout import DATABASE

    if (root / DATABASE).is_file():
        return root.resolve()
    if any(root.glob("*/spec.json")):
        raise InputError(
            f"{root} holds runs but no MLflow database. Make it from them: "
            f"python -m benchmark.tracking --rebuild --root {root}"
        )
    raise InputError(
        f"there is no MLflow database in {root}. Run the benchmark first (python -m benchmark.run), or name "
        "the folder that holds its runs: --root DIR."
    )


def free_port(wanted: int | None) -> int:
    """The port to use: the wanted one, else the default one, else the next that is free.

    Raises:
        InputError: the wanted port is taken; the message names a free one.
    """
    if wanted is not None:
        if not 1 <= wanted <= 65535:
            raise InputError(f"--port {wanted} is no port: 1 to 65535.")
        if _is_free(wanted):
            return wanted
        following = next((port for port in range(wanted + 1, 65536) if _is_free(port)), None)
        hint = f" Port {following} is free: --port {following}." if following else ""
        raise InputError(f"port {wanted} is taken, or not allowed to this user.{hint}")
    return next(port for port in range(PORT, 65536) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def _server(root: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server in a process group of its own, all of which is ended with the block."""
    from benchmark.tracking.database import ENVIRONMENT, database_uri
    from benchmark.tracking.layout import ARTIFACTS, DATABASE

    # The job executor alone would start 12 processes and take 2.5 GB, for features that are not used here.
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += ["--backend-store-uri", database_uri(root / DATABASE)]
    command += ["--default-artifact-root", (root / ARTIFACTS).as_uri()]
    command += ["--uvicorn-opts", "--log-level warning"]
    server = subprocess.Popen(
        command, env=environment, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield server
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the whole group: the server has a child that would outlive it."""
    impatience = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + GRACE
        try:
            os.killpg(server.pid, signal_number)
            while time.monotonic() < until:
                server.poll()  # or its own remains would count as a living member
                os.killpg(server.pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            break
    server.wait()
    signal.signal(signal.SIGINT, impatience)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the block as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_up(server: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if server.poll() is not None:
            raise InputError(
                f"MLflow's server ended at once (exit code {server.returncode}); its message is above. If "
                "the database is damaged or of another version: python -m benchmark.tracking --rebuild"
            )
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise InputError(f"MLflow's server did not answer on {address} for {START:.0f} s.")


def charts_link(address: str, root: Path) -> str:
    """The charts of the experiment that has the newest run; all experiments where there is no run yet."""
    mode = "workflowType=machine_learning"  # MLflow opens for language models otherwise
    experiments = _ask(address, "experiments/search", {"max_results": 1000}).get("experiments", [])
    moved = [
        experiment["name"]
        for experiment in experiments
        if experiment["experiment_id"] != "0"
        and not experiment["artifact_location"].startswith(root.as_uri())
    ]
    if moved:
        _say(
            f"warning: the files of {', '.join(moved)} are not under {root}, as it was moved or copied. "
            f"'python -m benchmark.tracking --rebuild --root {root}' mends it."
        )
    asked = {
        "experiment_ids": [experiment["experiment_id"] for experiment in experiments],
        "order_by": ["attributes.start_time DESC"],
        "max_results": 1,
    }
    runs = _ask(address, "runs/search", asked).get("runs", []) if experiments else []
    if not runs:
        return f"{address}/#/experiments?{mode}"
    newest = runs[0]["info"]["experiment_id"]
    return f"{address}/#/experiments/{newest}/runs?{mode}&compareRunsMode=CHART"


def _ask(address: str, path: str, question: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{path}",
        data=json.dumps(question).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))
    except (urllib.error.URLError, ValueError):
        return {}  # the link then names no experiment


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
