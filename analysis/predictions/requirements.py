"""What a predictions table must satisfy; every failure names rows, cells or classes, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.predictions.block import Integers, Scores, Strings
from analysis.predictions.locator import SHOWN, Locator
from analysis.predictions.ranges import out_of_range
from benchmark.errors import InputError
from benchmark.results import PREDICTION_COLUMNS, Task

if TYPE_CHECKING:
    import pyarrow as pa

#: How far a row of class probabilities may be from a sum of 1: float32 and half precision softmax stay well below.
SUM_TOLERANCE = 5e-3
#: Columns that may be left out: of models that were trained once, on whatever they were trained on.
SINGLE = ("n_per_class", "seed", "refit")


def canonical(table: pa.Table, path: Path) -> pa.Table:
    """A table with exactly the documented columns and types, converted where nothing is lost.

    Columns of a design that a leaderboard lacks, of `SINGLE`, are 0 throughout.
    """
    import pyarrow as pa

    present = ", ".join(table.column_names) or "none"
    for name in SINGLE:
        if name not in table.column_names:
            table = table.append_column(name, pa.array(np.zeros(table.num_rows, dtype=np.int64)))
    missing = [name for name in PREDICTION_COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has "
            f"{present}. A predictions table has "
            f"{', '.join(PREDICTION_COLUMNS)}; of these {', '.join(SINGLE)} may be left out where there is one of each."
        )
    types = {"string": pa.string(), "int32": pa.int64()}
    columns = {}
    for name, kind in PREDICTION_COLUMNS.items():
        column = table[name]
        value = pa.types
        lists = value.is_list(column.type) or value.is_large_list(column.type) or value.is_fixed_size_list(column.type)
        if kind.startswith("list") != lists:
            raise InputError(f"{path}: the column {name} has the type {column.type}; it should be {kind}.")
        try:
            wanted = pa.large_list(pa.float32()) if kind.startswith("list") else types[kind]
            columns[name] = column.cast(wanted, safe=not lists)
        except pa.ArrowException as error:
            raise InputError(
                f"{path}: the column {name} has the type {column.type} and cannot be read as {kind} ({error})."
            ) from error
    return pa.table(columns)


def no_nulls(values: pa.Array, column: str, locate: Locator) -> None:
    """Refuse a column of M rows with missing values or empty names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bad = pc.is_null(values, nan_is_null=True)
    if pa.types.is_string(values.type):
        bad = pc.or_(bad, pc.equal(pc.fill_null(values, ""), ""))
    mask = bad.to_numpy(zero_copy_only=False)
    if mask.any():
        why = (
            " Without it, images of one patient would count as independent. Where every image is its own "
            "group, repeat sample_id."
            if column == "group_id"
            else ""
        )
        raise InputError(f"{column} is missing in {locate.rows(mask)}.{why}")


def matrices(table: pa.Table, locate: Locator, dataset: str) -> tuple[Scores, Scores]:
    """`y_true` and `y_score` of one data set as (M, K) arrays."""
    import pyarrow.compute as pc

    arrays = []
    width = 0
    for column in ("y_true", "y_score"):
        values = table[column].combine_chunks()
        no_nulls(values, column, locate)
        lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)
        if not width:
            counts = np.bincount(lengths)
            width = int(counts.argmax())
        if (lengths != width).any():
            raise InputError(
                f"{dataset}: {column} has {sorted(set(lengths[lengths != width].tolist()))} entries instead "
                f"of {width} in {locate.rows(lengths != width)}. y_true and y_score hold one entry a class "
                "or label."
            )
        arrays.append(values.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))
    if width < 1:
        raise InputError(f"{dataset}: y_true and y_score are empty lists.")
    return arrays[0], arrays[1]


def values(dataset: str, task: Task, classes: Sequence[str], y_true: Scores, y_score: Scores, locate: Locator) -> None:
    """Refuse (M, K) scores that are no probabilities, or an (M, K) truth that does not fit the task."""
    width = y_true.shape[1]
    if len(classes) != width:
        raise InputError(
            f"{dataset}: the metadata name {len(classes)} classes ({', '.join(classes)}), the rows have "
            f"{width} entries."
        )
    if task == "binary" and width != 2:
        raise InputError(f"{dataset}: a binary task has two entries a row (negative, positive), not {width}.")
    if task == "multiclass" and width < 2:
        raise InputError(f"{dataset}: a multiclass task needs at least two entries a row, not {width}.")
    bad = np.asarray(~np.isfinite(y_score).all(axis=1))
    if bad.any():
        raise InputError(
            f"{dataset}: NaN or infinite scores in {locate.rows(bad)}. The model diverged or overflowed: "
            "predict again; dropping the rows would compare arms on different images."
        )
    bad = np.asarray(((y_score < 0) | (y_score > 1)).any(axis=1))
    if bad.any():
        raise InputError(f"{dataset}: scores outside [0, 1] in {locate.rows(bad)}. {out_of_range(y_score, task)}")
    known = ~np.isnan(y_true)
    bad = np.asarray((known & (y_true != 0) & (y_true != 1)).any(axis=1))
    if bad.any():
        raise InputError(f"{dataset}: y_true is neither 0, 1 nor NaN in {locate.rows(bad)}.")
    if task == "multilabel":
        return
    bad = ~known.all(axis=1) | (np.where(known, y_true, 0).sum(axis=1) != 1)
    if bad.any():
        raise InputError(
            f"{dataset}: y_true is not one-hot in {locate.rows(bad)}, as a {task} task needs. If several "
            "labels can hold together, or some are unknown, the task is 'multilabel'."
        )
    sums = y_score.sum(axis=1, dtype=np.float64)
    bad = np.abs(sums - 1) > SUM_TOLERANCE
    if bad.any():
        raise InputError(
            f"{dataset}: the scores do not sum to 1 in {locate.rows(bad)}, as a {task} task needs; these sums run from "
            f"{sums[bad].min():.4g} to {sums[bad].max():.4g}. Sigmoid outputs belong to a 'multilabel' task; else "
            "renormalise them."
        )


def unique_rows(keys: Integers) -> tuple[Integers, Integers, Integers]:
    """Distinct rows of sorted (M, C) integer keys: (D, C) rows, and (D,) where they begin and (D,) their numbers."""
    change = np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1
    first = np.concatenate([[0], change]).astype(np.intp)
    return keys[first], first, np.diff(np.append(first, len(keys))).astype(np.intp)


def duplicates(
    title: str,
    arm_names: Strings,
    sample_names: Strings,
    cells: Integers,
    first: Integers,
    sizes: Integers,
    sample: Integers,
    locate: Locator,
) -> None:
    """Refuse an image that stands twice in one cell and refit.

    Args:
        title: of the data set and n, for messages.
        arm_names, sample_names: names by code.
        cells, first, sizes: (D, 3) arm, seed and refit, and (D,) where their rows begin and their numbers.
        sample: (M,) codes, sorted by cell, then sample.
        locate: of these rows.
    """
    again = np.zeros(len(sample), dtype=np.bool_)
    again[1:] = sample[1:] == sample[:-1]
    again[first] = False
    if again.any():
        row = int(np.flatnonzero(again)[0])
        cell = int(np.searchsorted(first, row, side="right")) - 1
        arm, seed, refit = cells[cell]
        raise InputError(
            f"{title}: '{sample_names[sample[row]]}' stands twice in arm '{arm_names[arm]}', seed {seed}, "
            f"refit {refit}; duplicates in {locate.rows(again)}. A file may have been appended to twice, or "
            "refits are not numbered."
        )


def refits(
    title: str,
    arms: Sequence[str],
    code_of: Mapping[str, int],
    seeds: Sequence[int],
    numbers: Sequence[int],
    index: Mapping[tuple[int, int, int], int],
) -> None:
    """Refuse cells that lack one of the refits `numbers`; arguments as in `seeds.choose`."""
    missing = [
        f"{arm}/seed{seed:02d}/refit{refit}"
        for arm in arms
        for seed in seeds
        for refit in numbers
        if (code_of[arm], seed, refit) not in index
    ]
    if missing:
        listed = ", ".join(missing[:20]) + (", ..." if len(missing) > 20 else "")
        raise InputError(f"{title}: the grid is incomplete, {len(missing)} refits are missing: {listed}.")


def same_samples(cell: str, base: Integers, other: Integers, names: Strings) -> None:
    """Refuse a cell whose (N,) images are not those of the first arm's."""
    if len(base) == len(other) and (base == other).all():
        return
    absent, extra = np.setdiff1d(base, other), np.setdiff1d(other, base)
    parts = []
    for what, codes in (("lacks", absent), ("adds", extra)):
        if len(codes):
            shown = ", ".join(f"'{names[code]}'" for code in codes[:SHOWN])
            parts.append(f"{what} {len(codes)} images ({shown}{', ...' if len(codes) > SHOWN else ''})")
    raise InputError(
        f"{cell} {' and '.join(parts)} compared with the first arm. All arms must predict the same holdout "
        "images: paired comparisons need them."
    )


def same_values(cell: str, names: Strings, base: Scores | Integers, other: Scores | Integers, what: str) -> None:
    """Refuse a cell that disagrees with the first arm's in the (N, C) values of an image; NaN equals NaN."""
    bad = ~((base == other) | ((base != base) & (other != other))).all(axis=1)
    if bad.any():
        shown = ", ".join(f"'{name}'" for name in names[bad][:SHOWN])
        raise InputError(
            f"{cell}: {what} differs from the first arm's for {int(bad.sum())} images ({shown}). The cells "
            "come from different versions of the data: predict again."
        )


def code_by_appearance(groups: Integers) -> Integers:
    """(N,) codes 0..G-1 in the order in which groups first appear, so that their names do not matter."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.asarray(rank[inverse], dtype=np.intp)
