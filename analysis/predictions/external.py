"""Reading what a run's models predict of test sets from elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from analysis.predictions.block import Block, Predictions
from analysis.predictions.reading import find_files, read_files
from analysis.predictions.seeds import Choice
from benchmark.errors import InputError, unknown_name
from benchmark.results import EXTERNAL, PREDICTIONS, own_and_other


def read_external(
    source: Path, *, common_seeds: bool = False, first: int | None = None, cells: Collection[Path] | None = None
) -> Predictions | None:
    """Predictions of test sets from elsewhere, each of which counts as a data set; None where there are none.

    A test set that some cells have not predicted is left out, with a remark, as arms on different cells cannot be
    compared; so is one that cannot be read.

    Args:
        source, common_seeds, first, cells: as `read_predictions` takes them.

    Raises:
        InputError: the source holds no predictions at all.
    """
    files = [path for path in find_files(source) if cells is None or path.parent in cells]
    choice = Choice(common_seeds, first)
    if files in ([source], [source / PREDICTIONS]):
        read = read_files(files, choice, external=True)
        return read if read.blocks else None
    of_set: dict[tuple[str, str], list[Path]] = {}  # (data set's folder, file) -> files
    for cell in files:
        for path in sorted((cell.parent / EXTERNAL).glob("*.parquet")):
            of_set.setdefault((_data_set(cell), path.name), []).append(path)
    blocks: list[Block] = []
    facts: dict[str, Mapping[str, Any]] = {}
    remarks: list[str] = []
    for (data_set, name), paths in sorted(of_set.items()):
        wanted = [cell for cell in files if _data_set(cell) == data_set]
        lacking = len(wanted) - len(paths)
        title = f"{data_set}, {EXTERNAL}/{name}"
        if lacking and first is None:
            remarks.append(f"{title}: {lacking} of {len(wanted)} cells lack it, so it is left out: run them first.")
            continue
        try:
            read = read_files(paths, choice, external=True)
        except InputError as error:
            remarks.append(f"{title} is left out: {error}")
            continue
        blocks += read.blocks
        facts |= read.facts
        remarks += read.remarks
    return Predictions(tuple(blocks), facts, tuple(remarks)) if blocks or remarks else None


def only(predictions: Predictions | None, name: str) -> Predictions:
    """One test set from elsewhere, as predictions to be analysed by themselves.

    Args:
        predictions: as `read_external` gives them.
        name: ``chest-xray -> nih``, or what follows the arrow, where it follows one alone.

    Raises:
        InputError: there is none of this name.
    """
    names = sorted({block.dataset for block in predictions.blocks}) if predictions is not None else []
    matching = [known for known in names if name in (known, own_and_other(known)[1])]
    if predictions is None or len(matching) != 1:
        raise unknown_name("test set from elsewhere", name, names)
    blocks = tuple(block for block in predictions.blocks if block.dataset == matching[0])
    return Predictions(blocks, predictions.facts, predictions.remarks)


def _data_set(cell: Path) -> str:
    """The folder of the data set that a cell's predictions belong to."""
    return cell.parents[3].name
