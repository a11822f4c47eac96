"""Reading predictions: one Parquet file, or a run's folder, to checked arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.predictions import requirements
from analysis.predictions.block import Block, Floats, Integers, Predictions, Scores, Strings, arm_rank
from analysis.predictions.locator import Locator
from analysis.predictions.seeds import Choice, choose
from benchmark.enough_patients import require_patients
from benchmark.errors import InputError
from benchmark.results import PREDICTIONS, TASKS, TableInfo, Task, cell_folders, read_info

if TYPE_CHECKING:
    import pyarrow as pa

EXTERNAL_OF = "external_of"  # the fact of a test set from elsewhere that names the data set whose models predict it


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one data set as flat arrays; names are coded by position in the `*_names`.

    Attributes:
        where: (M,) position of the rows in all that was read, for messages.
        arm, sample, group: (M,) codes.
        n_per_class, seed, refit: (M,).
        y_true, y_score: (M, K).
    """

    where: Integers
    arm: Integers
    n_per_class: Integers
    seed: Integers
    refit: Integers
    sample: Integers
    group: Integers
    y_true: Scores
    y_score: Scores
    arm_names: Strings
    sample_names: Strings
    group_names: Strings

    def take(self, keep: Integers) -> Rows:
        """These rows alone, in this order."""
        fixed = ("arm_names", "sample_names", "group_names")
        parts = {name: getattr(self, name) for name in self.__slots__}
        return Rows(**{name: value if name in fixed else value[keep] for name, value in parts.items()})


def read_predictions(
    source: Path, *, common_seeds: bool = False, first: int | None = None, cells: Collection[Path] | None = None
) -> Predictions:
    """Read and check a predictions table.

    Args:
        source: a Parquet file in the documented form, or a run's folder with ``cells/.../predictions.parquet``.
        common_seeds: where arms have different seeds, keep those that all have, with a remark, instead of refusing.
        first: of every (data set, n), only as many seeds, those with the lowest numbers; the others may be unfinished.
        cells: of a run's folder, only the cells in these folders.

    Raises:
        InputError: anything that would make the analysis wrong or impossible; the message names rows or cells.
    """
    files = [path for path in find_files(source) if cells is None or path.parent in cells]
    return read_files(files, Choice(common_seeds, first))


def read_files(files: Sequence[Path], choice: Choice, external: bool = False) -> Predictions:
    """Read and check predictions files together.

    Args:
        files: in the documented form.
        choice: of seeds.
        external: whether to take the test sets from elsewhere (`EXTERNAL_OF`) that they hold, or what else they hold;
            files that hold nothing else are taken for what they are.
    """
    table, starts = _read_files(files)
    info = _merge_info(files)
    locate = Locator(tuple(files), tuple(starts))
    names, codes = _encode(table, "dataset", locate)
    remarks: list[str] = []
    blocks: list[Block] = []
    elsewhere = [EXTERNAL_OF in info.facts.get(str(name), {}) for name in names]
    for position in np.argsort(names):
        if elsewhere[position] is not external and (external or not all(elsewhere)):
            continue
        dataset = str(names[position])
        rows = _rows(table, np.flatnonzero(codes == position), locate, dataset)
        blocks += _blocks(dataset, rows, info, locate, choice, remarks)
    return Predictions(tuple(blocks), info.facts, tuple(remarks))


def find_files(source: Path) -> list[Path]:
    """The predictions files of a source, sorted.

    Raises:
        InputError: there is none.
    """
    if source.is_file():
        return [source]
    if not source.exists():
        raise InputError(f"{source} does not exist. Give a run's folder or a predictions file (.parquet).")
    files = [path for folder in cell_folders(source) if (path := folder / PREDICTIONS).exists()]
    if not files and (source / PREDICTIONS).is_file():
        files = [source / PREDICTIONS]
    if not files:
        raise InputError(
            f"{source} holds no predictions: neither {PREDICTIONS} nor cells/<dataset>/n<N>/seed<S>/<arm>/"
            f"{PREDICTIONS}. The run may not have finished its first cell; give its folder, or a Parquet "
            "file."
        )
    return files


def _read_files(files: Sequence[Path]) -> tuple[pa.Table, list[int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables, starts, total = [], [], 0
    for path in files:
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} is not a readable Parquet file ({reason}). It may be truncated.") from error
        tables.append(requirements.canonical(table, path))
        starts.append(total)
        total += table.num_rows
    if total == 0:
        raise InputError(f"{files[0]} holds no rows: there is nothing to analyse.")
    return pa.concat_tables(tables), starts


def _merge_info(files: Sequence[Path]) -> TableInfo:
    classes: dict[str, tuple[str, ...]] = {}
    tasks: dict[str, Task] = {}
    facts: dict[str, dict[str, Any]] = {}
    for path in files:
        try:
            info = read_info(path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"the metadata 'benchmark' of {path} are not in the documented form ({error!r}). "
                "Write them as JSON: data set -> {task, classes, ...}, or leave them out."
            ) from error
        for dataset, task in info.tasks.items():
            if task not in TASKS:
                raise InputError(f"{path} gives '{dataset}' the unknown task '{task}'. Known: {', '.join(TASKS)}.")
            same = (
                tasks.get(dataset, task) == task
                and classes.get(dataset, info.classes[dataset]) == info.classes[dataset]
            )
            if not same:
                raise InputError(
                    f"{path} describes '{dataset}' as {task} with classes {list(info.classes[dataset])}, "
                    f"other files as {tasks[dataset]} with {list(classes[dataset])}. They come from "
                    "different studies: analyse them apart."
                )
            tasks[dataset], classes[dataset] = task, info.classes[dataset]
            merged = facts.setdefault(dataset, {})
            for key, value in info.facts.get(dataset, {}).items():
                if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
                    merged[key] = {**merged[key], **value}
                else:
                    merged[key] = dict(value) if isinstance(value, Mapping) else value
    return TableInfo(classes, tasks, facts)


def _encode(table: pa.Table, column: str, locate: Locator) -> tuple[Strings, Integers]:
    encoded = table[column].combine_chunks()
    requirements.no_nulls(encoded, column, locate)
    encoded = encoded.dictionary_encode()
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    return names, encoded.indices.to_numpy(zero_copy_only=False).astype(np.intp)


def _rows(table: pa.Table, where: Integers, locate: Locator, dataset: str) -> Rows:
    together = where[-1] - where[0] == len(where) - 1  # as in a run's folder, whose files are sorted
    part = table.slice(where[0], len(where)) if together else table.take(where)
    here = locate.of(where)
    numbers = {}
    for column in ("n_per_class", "seed", "refit"):
        values = part[column].combine_chunks()
        requirements.no_nulls(values, column, here)
        numbers[column] = values.to_numpy(zero_copy_only=False).astype(np.intp)
    arm_names, arm = _encode(part, "arm", here)
    sample_names, sample = _encode(part, "sample_id", here)
    group_names, group = _encode(part, "group_id", here)
    y_true, y_score = requirements.matrices(part, here, dataset)
    return Rows(
        where=where,
        arm=arm,
        **numbers,
        sample=sample,
        group=group,
        y_true=y_true,
        y_score=y_score,
        arm_names=arm_names,
        sample_names=sample_names,
        group_names=group_names,
    )


def _blocks(
    dataset: str,
    rows: Rows,
    info: TableInfo,
    locate: Locator,
    choice: Choice,
    remarks: list[str],
) -> list[Block]:
    width = rows.y_true.shape[1]
    here = locate.of(rows.where)
    task = info.tasks.get(dataset) or _infer_task(rows)
    classes = info.classes.get(dataset) or tuple(f"class {k}" for k in range(width))
    if dataset not in info.tasks:
        remarks.append(f"{dataset}: the file does not name its task; taken from the rows: {task}, {width} columns.")
    requirements.values(dataset, task, classes, rows.y_true, rows.y_score, here)
    blocks = []
    for n in np.unique(rows.n_per_class):
        part = rows.take(np.flatnonzero(rows.n_per_class == n))
        overlap = info.facts.get(dataset, {}).get("overlap", {})
        rho = overlap.get(str(n)) if isinstance(overlap, Mapping) else None
        if rho is not None and not (isinstance(rho, int | float) and 0 <= rho < 1):
            raise InputError(f"{dataset}: overlap rho = {rho!r} at n = {n}; it must lie in [0, 1).")
        title = f"{dataset}, n = {n}" if n else dataset
        arms, seeds, samples, groups, truth, scores = _cross(title, part, locate, choice, remarks)
        require_patients(dataset, task, classes, truth, groups)
        blocks.append(
            Block(
                dataset=dataset,
                n_per_class=int(n),
                task=task,
                classes=tuple(classes),
                arms=arms,
                seeds=seeds,
                sample_ids=samples,
                groups=groups,
                truth=truth,
                scores=scores,
                rho=float(rho or 0.0),
                rho_known=rho is not None,
            )
        )
    return blocks


def _infer_task(rows: Rows) -> Task:
    one_hot = bool(((rows.y_true == 0) | (rows.y_true == 1)).all() and (rows.y_true.sum(axis=1) == 1).all())
    sums = bool((np.abs(rows.y_score.sum(axis=1) - 1) < requirements.SUM_TOLERANCE).all())
    if one_hot and rows.y_true.shape[1] == 2:
        return "binary"
    return "multiclass" if one_hot and sums else "multilabel"


def _cross(
    title: str, rows: Rows, locate: Locator, choice: Choice, remarks: list[str]
) -> tuple[tuple[str, ...], tuple[int, ...], Strings, Integers, Floats, Scores]:
    """Sort the rows of one (data set, n) into arms x seeds x refits x images."""
    # Sorting by name makes every result independent of the order of rows and cells.
    sample = np.argsort(np.argsort(rows.sample_names, kind="stable"), kind="stable")[rows.sample]
    key = np.lexsort((sample, rows.refit, rows.seed, rows.arm))
    rows = rows.take(key)
    sample = sample[key]
    cells, first, sizes = requirements.unique_rows(np.column_stack([rows.arm, rows.seed, rows.refit]))
    here = locate.of(rows.where)
    requirements.duplicates(title, rows.arm_names, rows.sample_names, cells, first, sizes, rows.sample, here)
    arms = tuple(sorted((str(rows.arm_names[code]) for code in np.unique(cells[:, 0])), key=arm_rank))
    code_of = {str(name): code for code, name in enumerate(rows.arm_names)}
    index = {(int(a), int(s), int(r)): c for c, (a, s, r) in enumerate(cells)}
    seeds = choose(title, arms, code_of, index, choice, remarks)
    refits = sorted({r for _, s, r in index if s in seeds})
    requirements.refits(title, arms, code_of, seeds, refits, index)
    slices = [slice(start, start + size) for start, size in zip(first, sizes, strict=True)]
    base = slices[index[code_of[arms[0]], seeds[0], refits[0]]]
    truth = rows.y_true[base]
    groups = rows.group[base]
    size = base.stop - base.start
    scores = np.empty((len(arms), len(seeds), len(refits), size, truth.shape[1]), dtype=rows.y_score.dtype)
    for a, arm in enumerate(arms):
        for s, seed in enumerate(seeds):
            for r, refit in enumerate(refits):
                part = slices[index[code_of[arm], seed, refit]]
                cell = f"{title}, seed {seed}, refit {refit}, arm '{arm}'"
                requirements.same_samples(cell, rows.sample[base], rows.sample[part], rows.sample_names)
                requirements.same_values(
                    cell, rows.sample_names[rows.sample[base]], truth, rows.y_true[part], "truth (y_true)"
                )
                requirements.same_values(
                    cell,
                    rows.sample_names[rows.sample[base]],
                    groups[:, None],
                    rows.group[part][:, None],
                    "group_id",
                )
                scores[a, s, r] = rows.y_score[part]
    names = rows.sample_names[rows.sample[base]]
    return arms, seeds, names, requirements.code_by_appearance(groups), truth.astype(np.float64), scores
