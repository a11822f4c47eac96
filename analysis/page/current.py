"""Whether a run's report is still what its inputs give: then it need not be written again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from analysis.study.twin import find_twin
from benchmark.errors import InputError
from benchmark.intact import fault, sums_in
from benchmark.results import ATTRIBUTES, DONE, PICTURES, PLAN, SPEC, cell_folders, read_json, write_json

RECORD = ".inputs.json"  # in the report's folder
CODE = Path(__file__).parents[2]
SOURCES = ("analysis/**/*", "benchmark/*.py", "benchmark/metrics/*.py")  # of all that decides a report


def keep(run: Path, out: Path, summary: str) -> None:
    """Note what a report was just written from, with its summary for a terminal.

    Args:
        run: the run's folder.
        out: the report's folder.
        summary: what the command says of it.
    """
    names = [path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file()]
    names = [name for name in names if name != RECORD]
    write_json(out / RECORD, {"inputs": inputs_of(run), "summary": summary, "files": sums_in(out, names)})


def current_summary(run: Path, out: Path) -> str | None:
    """The summary of a run's report where it is complete and its inputs are what they were; else None.

    The cells' tables count by the sums in their done.json: who asks has verified them.
    """
    try:
        record = read_json(out / RECORD)
    except (OSError, InputError):
        return None
    wanted = isinstance(record, dict) and isinstance(record.get("files"), dict) and "summary" in record
    if not wanted or record.get("inputs") != inputs_of(run):
        return None
    if any(fault(out / name, sums) is not None for name, sums in record["files"].items()):
        return None
    return str(record["summary"])


def inputs_of(run: Path) -> str:
    """SHA-256 over everything that decides a run's report.

    That is the run's description and plan, what it keeps of the holdout, its finished cells, those of its twin on
    another holdout, and the code.
    """
    digest = hashlib.sha256()
    twin = find_twin(run)
    for folder in (run,) if twin is None else (run, twin):
        files = (SPEC, PLAN, ATTRIBUTES, PICTURES)
        for path in (*(folder / name for name in files), *(cell / DONE for cell in cell_folders(folder))):
            _add(digest, path, folder)
    for path in sorted(path for pattern in SOURCES for path in CODE.glob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            _add(digest, path, CODE)
    return digest.hexdigest()


def _add(digest: Any, path: Path, folder: Path) -> None:
    content = path.read_bytes() if path.is_file() else b""
    digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode(errors="surrogateescape"))
    digest.update(content)
