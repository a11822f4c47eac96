"""What is complete of a run with failed or unfinished cells: the largest part that can be compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmark.errors import InputError
from benchmark.results import DONE, FAILED, read_json
from benchmark.spec import BenchmarkSpec, Cell

MOST_LISTED = 12  # missing cells, or seeds of an arm, that a sentence names
LONGEST_REASON = 100  # characters


@dataclass(frozen=True, slots=True)
class Part:
    """What is analysed of a run.

    Attributes:
        folders: of the cells.
        caution: a sentence on what is missing; None where nothing is.
    """

    folders: frozenset[Path]
    caution: str | None


def complete_part(run: Path, described: Mapping[str, Any]) -> Part:
    """The arms and seeds of every (data set, n) that are complete together, as many cells as there can be.

    Which they are depends on what is missing alone, not on any result. Two arms come before more seeds.

    Args:
        run: its folder.
        described: its spec.json.

    Raises:
        InputError: no run of this version, or no cell of it is finished.
    """
    if run.is_file():
        raise InputError(f"{run} is a file: only a run's folder tells which cells are missing.")
    try:
        spec = BenchmarkSpec.from_dict(described["spec"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{run} has no settings that can be read, so what is missing is not known.") from error
    reasons = {cell: _missing(cell, run, spec.budget) for cell in spec.cells()}
    missing = {cell: reason for cell, reason in reasons.items() if reason is not None}
    if not missing:
        return Part(frozenset(cell.folder(run) for cell in reasons), None)
    taken: list[Cell] = []
    phrases = []
    for dataset in spec.datasets:
        for n in spec.n_per_class:
            done = {cell for cell, reason in reasons.items() if reason is None}
            arms, seeds = _largest(dataset, n, spec, done)
            taken += [Cell(dataset, n, seed, arm) for arm in arms for seed in seeds]
            if len(arms) < len(spec.arms) or len(seeds) < spec.seeds:
                of_seeds = ", ".join(map(str, seeds))
                phrases.append(
                    f"of {dataset}, n = {n}, " + (f"{', '.join(arms)} on seeds {of_seeds}" if arms else "nothing")
                )
    if not taken:
        raise InputError(f"no cell of {run} is finished, so there is nothing to analyse.")
    listed = _listed(missing)
    return Part(
        frozenset(cell.folder(run) for cell in taken),
        f"Incomplete: {len(missing)} of {len(reasons)} cells are missing: {listed}. Analysed is the largest part "
        f"that is complete: {'; '.join(phrases)}. If cells failed for what they are, what is left is a selection.",
    )


def _listed(missing: Mapping[Cell, str]) -> str:
    """Missing cells with the reason; those that differ in the seed alone, together."""
    seeds: dict[tuple[str, int, str, str], list[Cell]] = {}
    for cell, reason in missing.items():
        seeds.setdefault((cell.dataset, cell.n_per_class, cell.arm, reason), []).append(cell)
    phrases = [
        f"{cells[0].key} ({reason})"
        if len(cells) == 1
        else f"{dataset}, n = {n}, {arm}, seeds {', '.join(str(cell.seed) for cell in cells)} ({reason})"
        for (dataset, n, arm, reason), cells in seeds.items()
    ]
    return "; ".join(phrases[:MOST_LISTED]) + ("; ..." if len(phrases) > MOST_LISTED else "")


def _missing(cell: Cell, run: Path, budget: int) -> str | None:
    """Why a cell is not complete; None where it is."""
    folder = cell.folder(run)
    try:
        if read_json(folder / DONE)["budget"] == budget:
            return None
    except (OSError, InputError, KeyError, TypeError):
        pass
    try:
        reason = str(read_json(folder / FAILED)["reason"]).strip().splitlines()[-1]
    except (OSError, InputError, KeyError, TypeError, IndexError):
        return "not finished"
    return f"failed: {reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + '...'}"


def _largest(dataset: str, n: int, spec: BenchmarkSpec, done: Collection[Cell]) -> tuple[Sequence[str], Sequence[int]]:
    """The arms and the seeds on which all of them are done, of the most cells."""

    def parts() -> Iterator[tuple[tuple[str, ...], list[int]]]:
        for count in range(len(spec.arms), 0, -1):
            for arms in combinations(spec.arms, count):
                seeds = [s for s in range(spec.seeds) if all(Cell(dataset, n, s, arm) in done for arm in arms)]
                if seeds:
                    yield arms, seeds

    return max(parts(), key=lambda part: (min(len(part[0]), 2), len(part[0]) * len(part[1])), default=((), []))
