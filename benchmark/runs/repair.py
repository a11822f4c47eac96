"""The finished cells of a run, verified at each start; what is damaged is set aside and computed again.

A cell's journal gives back its trials, and with them, on the same machine, the same tables. So a damaged table costs
the refits, and a damaged journal, once it is needed again, the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmark.intact import fault, set_aside
from benchmark.results import CELL_FILES, DONE, OWN_FILES, STUDY, VALIDATION, external_files, read_json, write_json
from benchmark.runs.request import Request, read_done
from benchmark.spec import Cell

THREADS = 8  # reading waits for the disk, and hashing lets others compute


def repair_cells(request: Request, report: Callable[[str], None]) -> int:
    """Verify every finished cell by the sums in its done.json, and set aside what is damaged.

    A cell of which a table or done.json is damaged counts as unfinished from then on. The journal of a finished cell is
    no longer needed: without it the cell stays finished, and only a larger budget begins it anew.

    Args:
        request: the run.
        report: takes a line on every cell that is damaged.

    Returns:
        The number of damaged cells.
    """
    cells = list(request.spec.cells())
    with ThreadPoolExecutor(THREADS) as pool:
        faults = list(pool.map(lambda cell: cell_faults(cell, request), cells))
    damaged = [(cell, of_cell) for cell, of_cell in zip(cells, faults, strict=True) if of_cell]
    for cell, of_cell in damaged:
        folder = cell.folder(request.out)
        # done.json first: without it nobody takes the cell for finished
        moved = [DONE] if set(of_cell) & {*OWN_FILES, DONE} - {STUDY} else []
        _forget(folder, [name for name in of_cell if name not in (*OWN_FILES, DONE)] if not moved else [])
        moved += [name for name in of_cell if name != DONE]
        names = [path.name for name in moved if (path := set_aside(folder / name)) is not None]
        listed = ", ".join(f"{name} {text}" for name, text in of_cell.items())
        report(f"{cell.key}: {listed}; set aside as {', '.join(names)}; {_remedy(folder, set(of_cell) - {STUDY})}")
    return len(damaged)


def cell_faults(cell: Cell, request: Request) -> dict[str, str]:
    """File -> what is wrong with it, of a cell that was finished for the run's budget; empty where all is well."""
    folder = cell.folder(request.out)
    if not (folder / DONE).exists():
        return {}
    described = read_done(folder)
    if described is None:
        return {DONE: "cannot be read"}
    if described["budget"] != request.spec.budget:
        return {}
    files = described.get("files")
    sums: Mapping[str, Any] = files if isinstance(files, Mapping) else {}
    own = OWN_FILES if VALIDATION in sums else CELL_FILES
    names = dict.fromkeys((*own, *external_files(described)))
    faults = {name: fault(folder / name, sums.get(name), grown=name == STUDY) for name in names}
    if not (folder / STUDY).exists():  # set aside at an earlier start
        del faults[STUDY]
    return {name: text for name, text in faults.items() if text is not None}


def _forget(folder: Path, names: Sequence[str]) -> None:
    """Take the damaged predictions of test sets from elsewhere out of done.json: they alone are made again."""
    if names:
        described = read_json(folder / DONE)
        files = {name: sums for name, sums in described["files"].items() if name not in names}
        write_json(folder / DONE, described | {"files": files})


def _remedy(folder: Path, others: Collection[str]) -> str:
    """What happens to a cell; `others` are the damaged files beside its journal."""
    if (folder / DONE).exists() and not others:
        return "the cell's tables are whole and stay"
    if (folder / DONE).exists() and (folder / STUDY).exists():
        return "predicted again by refits from its journal"
    return f"computed again {'from its journal' if (folder / STUDY).exists() else 'from the start'}"
