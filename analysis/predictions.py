"""Reading predictions: anyone's table in the documented form, checked, and laid out for inference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.results import PREDICTION_COLUMNS, PREDICTIONS, TableInfo, Task, read_info, read_table

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

SUM_TOLERANCE = 1e-3  # of the scores of a class task
SHOWN = 5  # offending rows, cells or names in a message

#: Arms that we know come in this order, from least to most pretraining, so that differences read "what it gained".
KNOWN_ARMS = ("scratch", "scratch-same", "imagenet", "medical")


@dataclass(frozen=True)
class Block:
    """All predictions of one (dataset, n per class): A arms, S seeds, R refits, N holdout images, K classes.

    Attributes:
        dataset, n_per_class: which.
        task: "binary", "multiclass" or "multilabel".
        classes: K names.
        arms: A names, in the order of the tables.
        seeds: S numbers.
        sample_ids: (N,) sorted.
        groups: (N,) codes 0..I-1 of the patients or lesions.
        truth: (N, K), NaN where a label is unknown.
        scores: (A, S, R, N, K).
        rho: expected overlap of two seeds' training subsamples, in [0, 1).
        notes: what the file says of the data set.
    """

    dataset: str
    n_per_class: int
    task: Task
    classes: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    sample_ids: npt.NDArray[Any]
    groups: npt.NDArray[np.intp]
    truth: Floats
    scores: Floats
    rho: float
    notes: Mapping[str, Any]

    @property
    def columns(self) -> tuple[int, ...]:
        """The classes or labels that count: the positive one of a binary task, else all."""
        return (1,) if self.task == "binary" else tuple(range(len(self.classes)))


def read(source: Path) -> tuple[Block, ...]:
    """Read a predictions file, or all of a run folder's, into blocks sorted by data set and n.

    Raises:
        InputError: no such file, a file in another form, bad values, or an incomplete grid; with what and where.
    """
    import pandas as pd

    files = [source] if source.is_file() else sorted(source.glob(f"cells/*/*/*/*/{PREDICTIONS}"))
    if not files:
        kind = "is neither a file nor a folder" if not source.exists() else f"holds no cells/**/{PREDICTIONS}"
        raise InputError(f"{source} {kind}: give a run's folder or a predictions table (Parquet).")
    frames = [read_table(file) for file in files]
    for file, frame in zip(files, frames, strict=True):
        _check_columns(file, frame)
    info = _merged(read_info(file) for file in files)
    return blocks(pd.concat(frames, ignore_index=True), info, str(source))


def blocks(frame: pd.DataFrame, info: TableInfo, name: str) -> tuple[Block, ...]:
    """Check a predictions table and lay it out.

    Args:
        frame: the documented columns.
        info: what the file said of itself; may be empty.
        name: of the table, for messages.
    """
    if frame.empty:
        raise InputError(f"{name} has no rows.")
    for column in ("dataset", "arm", "sample_id", "group_id"):
        missing = frame[column].isna() | (frame[column].astype(str) == "")
        if missing.any():
            raise InputError(
                f"{name}: '{column}' is missing in {int(missing.sum())} rows, the first is row {_first(missing)}."
            )
    found = []
    for key, part in frame.groupby(["dataset", "n_per_class"], sort=True):
        dataset, n = str(key[0]), int(key[1])
        found.append(_block(part, dataset, n, info, f"{name}: {dataset}, n = {n}"))
    return tuple(found)


def _block(frame: pd.DataFrame, dataset: str, n: int, info: TableInfo, where: str) -> Block:
    lengths = {column: frame[column].map(len).to_numpy() for column in ("y_true", "y_score")}
    width = int(lengths["y_true"][0])
    for column, length in lengths.items():
        wrong = length != width
        if wrong.any():
            row = frame.index[wrong][0]
            raise InputError(
                f"{where}: {int(wrong.sum())} lists in '{column}' have another length than {width}, "
                f"the first is row {row} with {length[wrong][0]}."
            )
    truth = np.stack(frame["y_true"].to_list()).astype(np.float64)
    score = np.stack(frame["y_score"].to_list()).astype(np.float64)
    task = info.tasks.get(dataset) or _guess_task(truth)
    classes = info.classes.get(dataset) or tuple(f"class {k}" for k in range(width))
    if len(classes) != width:
        raise InputError(f"{where}: the metadata name {len(classes)} classes, the lists have {width} entries.")
    _check_values(frame, truth, score, task, where)

    cell = frame[["arm", "seed", "refit"]]
    twice = frame.duplicated(["arm", "seed", "refit", "sample_id"])
    if twice.any():
        row = frame[twice].iloc[0]
        raise InputError(
            f"{where}: {int(twice.sum())} rows repeat a (cell, refit, sample), the first is arm {row['arm']}, "
            f"seed {row['seed']}, refit {row['refit']}, sample {row['sample_id']}."
        )
    arms = tuple(sorted(set(cell["arm"]), key=_arm_order))
    seeds = tuple(int(seed) for seed in sorted(set(cell["seed"])))
    refits = tuple(int(refit) for refit in sorted(set(cell["refit"])))
    ids, sample = np.unique(frame["sample_id"].to_numpy(dtype=str), return_inverse=True)
    present = np.zeros((len(arms), len(seeds), len(refits), len(ids)), dtype=bool)
    place = (
        cell["arm"].map({arm: i for i, arm in enumerate(arms)}).to_numpy(),
        np.searchsorted(seeds, cell["seed"].to_numpy()),
        np.searchsorted(refits, cell["refit"].to_numpy()),
        sample,
    )
    present[place] = True
    _check_complete(present, arms, seeds, refits, ids, where)
    scores = np.empty((*present.shape, width))
    scores[place] = score
    groups = _constant(frame["group_id"].to_numpy(dtype=str), sample, ids, "group", where)
    known = _constant_truth(truth, sample, ids, where)
    _check_classes(known, classes, task, where)
    notes = dict(info.notes.get(dataset, {}))
    rho = float(notes.get("overlap", {}).get(str(n), 0.0))
    return Block(
        dataset=dataset,
        n_per_class=n,
        task=task,
        classes=tuple(classes),
        arms=arms,
        seeds=seeds,
        sample_ids=ids,
        groups=np.unique(groups, return_inverse=True)[1],
        truth=known,
        scores=scores,
        rho=rho,
        notes=notes,
    )


def _check_columns(file: Path, frame: pd.DataFrame) -> None:
    missing = [column for column in PREDICTION_COLUMNS if column not in frame]
    if missing:
        raise InputError(
            f"{file} lacks the column(s) {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}. "
            "A predictions table has one row for each (cell, refit, holdout image): see README."
        )


def _check_values(frame: pd.DataFrame, truth: Floats, score: Floats, task: Task, where: str) -> None:
    def refuse(bad: npt.NDArray[np.bool_], what: str) -> None:
        if bad.any():
            row = frame.iloc[int(np.flatnonzero(bad)[0])]
            raise InputError(
                f"{where}: {int(bad.sum())} rows {what}; the first is arm {row['arm']}, seed {row['seed']}, "
                f"sample {row['sample_id']}."
            )

    refuse(~np.isfinite(score).all(1), "have scores that are NaN or infinite")
    refuse(((score < 0) | (score > 1)).any(1), "have scores outside [0, 1]: give probabilities")
    unknown = np.isnan(truth)
    refuse(~(unknown | (truth == 0) | (truth == 1)).all(1), "have a truth other than 0, 1 or NaN")
    if task != "multilabel":
        refuse(np.abs(score.sum(1) - 1) > SUM_TOLERANCE, "have class scores that do not sum to 1")
        refuse(unknown.any(1) | (np.nansum(truth, 1) != 1), "have a truth that is not one-hot")


def _check_complete(
    present: npt.NDArray[np.bool_],
    arms: Sequence[str],
    seeds: Sequence[int],
    refits: Sequence[int],
    ids: npt.NDArray[Any],
    where: str,
) -> None:
    """Every (arm, seed) has the same refits and the same samples."""
    empty = ~present.any(axis=(2, 3))
    if empty.any():
        cells = [f"{arms[a]} seed {seeds[s]}" for a, s in np.argwhere(empty)]
        more = f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
        raise InputError(
            f"{where}: the grid is incomplete, these cells are missing: {', '.join(cells[:SHOWN])}{more}. Every arm "
            "needs every seed: finish the run, or leave out the arm or the seed."
        )
    incomplete = ~present.all(axis=3)
    if incomplete.any():
        a, s, r = np.argwhere(incomplete)[0]
        lacking = ids[~present[a, s, r]]
        raise InputError(
            f"{where}: arm {arms[a]}, seed {seeds[s]}, refit {refits[r]} has no prediction for {len(lacking)} of the "
            f"{len(ids)} samples that others have: {', '.join(map(str, lacking[:SHOWN]))}. All arms and seeds must "
            "predict the same holdout, as often."
        )


def _check_classes(truth: Floats, classes: Sequence[str], task: Task, where: str) -> None:
    for k in (1,) if task == "binary" else range(truth.shape[1]):
        positives, negatives = int((truth[:, k] == 1).sum()), int((truth[:, k] == 0).sum())
        if not positives or not negatives:
            raise InputError(
                f"{where}: '{classes[k]}' has {positives} positives and {negatives} negatives in the holdout: "
                "nothing can be said of a class that is absent (or alone). Leave it out."
            )


def _constant(
    values: npt.NDArray[Any], sample: npt.NDArray[np.intp], ids: npt.NDArray[Any], what: str, where: str
) -> Any:
    first = np.empty(len(ids), dtype=values.dtype)
    first[sample[::-1]] = values[::-1]
    differs = first[sample] != values
    if differs.any():
        names = ", ".join(sorted(set(map(str, ids[sample[differs]])))[:SHOWN])
        raise InputError(f"{where}: the {what} of the same sample differs between rows: {names}.")
    return first


def _constant_truth(truth: Floats, sample: npt.NDArray[np.intp], ids: npt.NDArray[Any], where: str) -> Floats:
    first = np.empty((len(ids), truth.shape[1]))
    first[sample[::-1]] = truth[::-1]
    differs = ~((first[sample] == truth) | (np.isnan(first[sample]) & np.isnan(truth))).all(1)
    if differs.any():
        names = ", ".join(sorted(set(map(str, ids[sample[differs]])))[:SHOWN])
        raise InputError(f"{where}: the truth of the same sample differs between rows: {names}.")
    return first


def _guess_task(truth: Floats) -> Task:
    one_hot = bool((np.nan_to_num(truth).sum(1) == 1).all()) and not np.isnan(truth).any()
    if not one_hot:
        return "multilabel"
    return "binary" if truth.shape[1] == 2 else "multiclass"


def _merged(infos: Iterable[TableInfo]) -> TableInfo:
    """The files of one run, together; overlaps of several n are gathered."""
    classes: dict[str, tuple[str, ...]] = {}
    tasks: dict[str, Task] = {}
    notes: dict[str, dict[str, Any]] = {}
    for info in infos:
        for name in info.tasks:
            if classes.setdefault(name, info.classes[name]) != info.classes[name]:
                raise InputError(f"{name}: the files name different classes: {classes[name]}, {info.classes[name]}.")
            tasks[name] = info.tasks[name]
            known = notes.setdefault(name, {})
            overlap = {**known.get("overlap", {}), **info.notes[name].get("overlap", {})}
            known.update({**info.notes[name], **({"overlap": overlap} if overlap else {})})
    return TableInfo(classes, tasks, notes)


def _arm_order(arm: str) -> tuple[int, str]:
    return (KNOWN_ARMS.index(arm) if arm in KNOWN_ARMS else len(KNOWN_ARMS), arm)


def _first(bad: Any) -> Any:
    return bad.index[bad][0]
