"""Whether this machine can run a comparison: one line a thing, and what to do where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from benchmark import datasets
from benchmark.disk import free_bytes, size_text
from benchmark.errors import InputError

Verdict = Literal["ok", "note", "WRONG"]

OLDEST, NEWEST = (3, 11), (3, 14)  # Pythons: the oldest that is supported, and the first that is untried
NEEDED = ("torch", "timm", "torchvision", "optuna", "mlflow", "pandas", "pyarrow", "scipy", "statsmodels", "matplotlib")
LITTLE_DISK, LITTLE_MEMORY = 5e9, 4e9  # bytes below which even small runs are at risk
LONGEST_ANSWER = 20  # seconds of nvidia-smi


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        subject: what.
        verdict: "ok", "note" (works, but look at it) or "WRONG" (a run would fail, or be far too slow).
        value: what was seen.
        remedy: what to do; "" where nothing.
    """

    subject: str
    verdict: Verdict
    value: str
    remedy: str = ""


def examine(root: Path, data_root: Path | None) -> Iterator[Check]:
    """Look at everything; what breaks on the way becomes a check of its own.

    Args:
        root: `mlruns`, there or not.
        data_root: the folder of real data sets, or None for the environment's.
    """
    parts: tuple[Callable[[], Iterator[Check]], ...] = (
        _python,
        _packages,
        _torch,
        _memory,
        lambda: _disk(root),
        lambda: _weights(root),
        lambda: _data(data_root),
    )
    for part in parts:
        try:
            yield from part()
        except Exception as error:  # a doctor that dies of what it looks for helps nobody
            yield Check("?", "WRONG", f"{type(error).__name__}: {error}".splitlines()[0], "report this as a bug")


def table(checks: list[Check]) -> str:
    """The checks as aligned text, the remedies beneath."""
    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:<5}  {check.subject:<{width}}  {check.value}")
        if check.remedy:
            lines.append(f"{'':<5}  {'':<{width}}  -> {check.remedy}")
    return "".join(f"{line}\n" for line in lines)


def _python() -> Iterator[Check]:
    text = f"{sys.version.split()[0]} ({sys.executable})"
    if sys.version_info < OLDEST:
        yield Check("Python", "WRONG", text, "install Python 3.11 and make a new environment with it")
    elif sys.version_info >= NEWEST:
        yield Check("Python", "note", text, "untried: 3.11 is what the constraints were made for")
    else:
        yield Check("Python", "ok", text)


def _packages() -> Iterator[Check]:
    install = "pip install -c constraints.txt -e '.[fast]', from the checkout"
    missing = []
    for name in NEEDED:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Check("packages", "WRONG", f"not installed: {', '.join(missing)}", install)
    else:
        yield Check("packages", "ok", ", ".join(f"{name} {version(name)}" for name in NEEDED[:5]))
    if find_spec("numba") is None:
        yield Check("compiled loops", "note", "numba is not installed: the CPU trains 1.8 times slower", install)
    else:
        yield Check("compiled loops", "ok", f"numba {version('numba')}")


def _torch() -> Iterator[Check]:
    if find_spec("torch") is None:
        return
    import torch

    cards = _cards()
    built = torch.version.cuda or torch.version.hip
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            value = f"cuda:{number} {about.name}, {size_text(about.total_memory)}, torch for CUDA {built}"
            try:
                torch.ones(8, device=f"cuda:{number}").sum().item()
            except RuntimeError as error:
                remedy = f"this build has no code for it ({str(error).splitlines()[0]}): install another torch"
                yield Check("GPU", "WRONG", value, remedy)
            else:
                yield Check("GPU", "ok", value)
    elif cards and built is None:
        yield Check(
            "GPU",
            "WRONG",
            f"{', '.join(cards)}, but torch {torch.__version__} is built for the CPU",
            "install the CUDA build: pytorch.org says the command for this driver",
        )
    elif cards:
        yield Check(
            "GPU",
            "WRONG",
            f"{', '.join(cards)}, which torch for CUDA {built} cannot use",
            "update the driver, or install a torch for an older CUDA; see that CUDA_VISIBLE_DEVICES hides no card",
        )
    else:
        yield Check("GPU", "note", "none: the CPU computes", "")
    yield _threads()


def _cards() -> list[str]:
    """Names of the NVIDIA cards that the driver sees, whether torch can use them or not."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        question = [command, "--query-gpu=name", "--format=csv,noheader"]
        answer = subprocess.run(question, capture_output=True, text=True, check=True, timeout=LONGEST_ANSWER)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.split("\n")[:-1]


def _threads() -> Check:
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    asked = os.environ.get("OMP_NUM_THREADS")
    value = f"{allowed} of {cores} cores may be used; one worker a core, of one thread each"
    if allowed < cores:
        return Check("threads", "note", value, f"this process is confined: give --workers {allowed}")
    if asked and asked != "1":
        return Check("threads", "note", f"{value}; OMP_NUM_THREADS={asked}", "workers set their own: it has no effect")
    return Check("threads", "ok", value)


def _memory() -> Iterator[Check]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _group_limit()
    there = min(total, limit) if limit else total
    value = size_text(there)
    if there < total:
        value += f", the limit of this group of processes; the machine has {size_text(total)}"
    if there < LITTLE_MEMORY:
        yield Check("memory", "WRONG", value, "a worker takes about 1 GB: give --workers 1, and close other programs")
    else:
        yield Check("memory", "ok", value)


def _group_limit() -> int | None:
    """Bytes that the control group allows, as containers and schedulers set it; None where there is no limit."""
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return int(text)
    return None


def _disk(root: Path) -> Iterator[Check]:
    existing = next(parent for parent in (root.absolute(), *root.absolute().parents) if parent.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(20, "it is a file")
        with tempfile.NamedTemporaryFile(dir=existing) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "go to a folder of your own, or make it writable"
        yield Check("permissions", "WRONG", f"{existing} cannot be written to ({error.strerror})", remedy)
    else:
        yield Check("permissions", "ok", f"{existing} can be written to")
    free = free_bytes(root)
    value = f"{size_text(free)} free for {root}"
    if free < LITTLE_DISK:
        remedy = "make room, or link mlruns to a larger disk; --dry-run says what a run needs"
        yield Check("disk", "WRONG" if free < LITTLE_DISK / 10 else "note", value, remedy)
    else:
        yield Check("disk", "ok", value)


def _weights(root: Path) -> Iterator[Check]:
    from benchmark.spec import preset_path, read_preset
    from benchmark.weights.find import locate

    for preset in ("builtin", "real"):
        backbone = str(read_preset(preset_path(preset))["backbone"])
        for role in ("imagenet", "medical"):
            if (preset, role) == ("builtin", "medical"):
                continue  # the run makes them
            try:
                file = locate(backbone, role, root / "weights")
            except InputError as error:
                yield Check(f"{role} weights", "WRONG", f"{backbone}: {error}")
                continue
            if file is not None:
                yield Check(f"{role} weights", "ok", f"{backbone}: {file.path.name} ({file.source.name})")
            else:
                ways = f"python -m benchmark.weights list, or --weights {role}=PATH"
                if role == "medical":
                    ways = f"python -m benchmark.pretrain --backbone {backbone}, or --weights medical=PATH"
                yield Check(f"{role} weights", "note", f"{backbone}: none here", ways)


def _data(flag: Path | None) -> Iterator[Check]:
    try:
        data_root = datasets.data_root(flag)
    except InputError as error:
        yield Check("data", "WRONG", str(error), "python -m benchmark.data list says what belongs there")
        return
    if data_root is None:
        remedy = f"--data-root DIR, or set {datasets.ENVIRONMENT}, for real ones"
        yield Check("data", "note", "no data root: the built-in synthetic images are used", remedy)
        return
    present = datasets.present(data_root)
    if not present:
        remedy = "python -m benchmark.data list says how the folders are called, fetch NAME brings some"
        yield Check("data", "WRONG", f"{data_root} holds none of the known data sets", remedy)
        return
    yield Check("data", "ok", f"{data_root}: {', '.join(present)}")
    unreadable = [name for name in present if not os.access(_folder(name, data_root), os.R_OK | os.X_OK)]
    if unreadable:
        yield Check("data", "WRONG", f"cannot be read: {', '.join(unreadable)}", "ask their owner for read permission")


def _folder(name: str, data_root: Path) -> Path:
    return datasets.folder_of(datasets.find(name), data_root) or data_root
