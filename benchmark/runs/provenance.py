"""Where a run's numbers come from: versions, the git commit, the hardware."""

from __future__ import annotations

import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.runs.request import Request

PACKAGES = (
    "torch",
    "numba",
    "torchvision",
    "timm",
    "optuna",
    "mlflow",
    "numpy",
    "scipy",
    "statsmodels",
    "pandas",
    "scikit-learn",
    "pyarrow",
)


def start_record(request: Request) -> dict[str, Any]:
    """One start of a run, for its spec.json: when and where, the versions, the commit and what computes."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command(sys.argv, request.places),
        "host": socket.gethostname(),
        "engine": request.engine,
        "shard": None if request.shard is None else "{}/{}".format(*request.shard),
        "git_commit": git_commit(),
        "hardware": hardware(request.device, request.workers),
        "versions": versions(),
    }


def command(words: Sequence[str], places: Mapping[str, str]) -> str:
    """A command as it was given, but for what reports, which are passed on, should not tell of a machine.

    The user's home is written as ``~``, and a data set by the name under which tables show it.

    Args:
        words: as in `sys.argv`: of ``python -m`` the first is the module's file.
        places: name of a data set -> its name with its place on this machine.
    """
    program, home = Path(words[0]), str(Path.home())
    parts = program.with_suffix("").parts[-2:]
    first = ["python", "-m", ".".join(parts)] if program.suffix == ".py" else [program.name]
    rest = list(words[1:])
    for name, place in places.items():
        rest = [word.replace(place, name) for word in rest]
    rest = [word.replace(home, "~") if len(home) > 1 else word for word in rest]
    return " ".join(map(_quoted, [*first, *rest]))


def _quoted(word: str) -> str:
    """For a shell, which is to expand the ``~``."""
    return f"~{shlex.quote(word[1:])}" if word.startswith("~/") else shlex.quote(word)


def start_row(start: Mapping[str, Any]) -> dict[str, Any]:
    """A start for the report, without what is nested."""
    row: dict[str, Any] = {}
    for name, value in start.items():
        if name == "hardware" and isinstance(value, Mapping):
            row |= value
        elif isinstance(value, Mapping):
            row[name] = ", ".join(f"{key} {of}" for key, of in value.items())
        else:
            row[name] = value
    return row


def versions() -> dict[str, str]:
    """Installed versions of what decides the numbers."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            installed[package] = "not installed"
    return installed


def git_commit() -> str | None:
    """The commit of this source tree, with ``+`` where files were changed since; None outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def hardware(device: str, workers: int) -> dict[str, Any]:
    """What computes: processor, cores, memory, device, worker processes."""
    described: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "device": device,
        "kernels": kernels(device),
        "workers": workers,
    }
    if device.startswith("cuda"):
        import torch

        if torch.cuda.is_available():  # not where other machines compute
            described["gpu"] = torch.cuda.get_device_name(device)
    return described


def kernels(device: str) -> str:
    """What training computes with: our "compiled" loops beside the library's kernels, or the "library" alone.

    They differ in the last bits. As `benchmark.training.kernels` decides.
    """
    return "compiled" if device == "cpu" and find_spec("numba") else "library"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
