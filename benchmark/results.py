"""The tables on disk: their schema, and writes that are either complete or not there.

Nothing here needs torch, optuna or mlflow: `analysis` reads predictions through this module alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

from benchmark.errors import InputError

Task = Literal["binary", "multiclass", "multilabel"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "multilabel")

PREDICTIONS = "predictions.parquet"
TRIALS = "trials.parquet"
COSTS = "costs.parquet"
CURVES = "curves.parquet"
VALIDATION = "validation.parquet"
STUDY = "study.jsonl"
DONE = "done.json"
CELL_FILES = (STUDY, TRIALS, COSTS, CURVES, PREDICTIONS)  # of a finished cell, whose sums stand in done.json
OWN_FILES = (*CELL_FILES, VALIDATION)  # cells that an older version finished have no scores of validation
EXTERNAL = "external"  # the folder of a cell with a predictions file for every test set from elsewhere
ARROW = " -> "  # between the own data set and the other, in the name of a test set from elsewhere
FAILED = "failed.json"  # why a cell failed, until it is attempted again
SPEC = "spec.json"
SPEC_COPY = ".spec.json"  # the same again, for when that is damaged
PLAN = "plan.toml"
ATTRIBUTES = "attributes.parquet"  # of the holdout's images, where the data set tells any
PICTURES = "pictures.parquet"  # of a few of them
CELLS = "cells"
REPORT = "report"
LEASES = "leases"  # who works on which cell
MIRRORED = "mirrored.json"  # the cells that MLflow has
INFO = b"benchmark"  # key of a predictions file's metadata
LONGEST_NAME = 120  # characters of one part of a path
_HOST = socket.gethostname()  # a folder may be shared: what another machine's process writes is not ours to judge

_OF_CELL = {"dataset": "string", "arm": "string", "n_per_class": "int32", "seed": "int32"}
_OF_TRIAL = _OF_CELL | {"trial": "int32"}

#: column -> Arrow type of the predictions table: one row for each (cell, refit, holdout image).
PREDICTION_COLUMNS = {
    **_OF_CELL,
    "refit": "int32",
    "sample_id": "string",
    "group_id": "string",
    "y_true": "list<float32>",
    "y_score": "list<float32>",
}

#: column -> Arrow type of the trials table, the budget ledger: one row a finished trial. What a machine's
#: speed decides (seconds, memory) is in the costs table, so that this one is the same, byte for byte, anywhere.
TRIAL_COLUMNS = {
    **_OF_TRIAL,
    "state": "string",
    "value": "float64",
    "fold_values": "list<float64>",
    "parameters": "string",
    "epochs": "int32",
    "images_seen": "int64",
    "ended": "string",
}

#: column -> Arrow type of the costs table: one row a finished trial.
COST_COLUMNS = {
    **_OF_TRIAL,
    "seconds": "float64",
    "peak_memory_mb": "float64",
}

#: column -> Arrow type of the curves table: one row a finished trial and fold that was begun. `losses` has an entry an
#: epoch, `values` (the tuned metric on validation) one for each epoch in `checked`. The same bytes anywhere, as trials.
CURVE_COLUMNS = {
    **_OF_TRIAL,
    "fold": "int32",
    "losses": "list<float32>",
    "checked": "list<int32>",
    "values": "list<float32>",
}

#: column -> Arrow type of the validation table: one row a training image, with what the best trial's model said of it
#: that had not seen it: that of the `fold` in which it was for validation.
VALIDATION_COLUMNS = {
    **_OF_TRIAL,
    "fold": "int32",
    "sample_id": "string",
    "group_id": "string",
    "y_true": "list<float32>",
    "y_score": "list<float32>",
}

#: column -> Arrow type of the attributes table: one row for each (holdout image, attribute).
ATTRIBUTE_COLUMNS = {"dataset": "string", "sample_id": "string", "attribute": "string", "value": "string"}

#: column -> Arrow type of the pictures table: one row an image, as a small JPEG.
PICTURE_COLUMNS = {"dataset": "string", "sample_id": "string", "jpeg": "binary"}


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What a predictions file says of itself: one entry a data set.

    Attributes:
        classes: data set -> names of its K classes or labels, in the order of `y_true` and `y_score`.
        tasks: data set -> its task.
        facts: data set -> what the report says of it (holdout, overlap of the subsamples, synthetic or not, ...).
    """

    classes: Mapping[str, tuple[str, ...]]
    tasks: Mapping[str, Task]
    facts: Mapping[str, Mapping[str, Any]]


def path_name(text: str) -> str:
    """A name as one part of a path, different for different names.

    Letters, digits and ``-_.=+,:`` stay; any other byte of its UTF-8 becomes ``~`` and two hex digits, and so does a
    leading dot. A name longer than a file system takes ends in its hash instead.
    """
    kept = "".join(
        letter if _stays(letter) and (place or letter != ".") else _escaped(letter) for place, letter in enumerate(text)
    )
    if len(kept) <= LONGEST_NAME:
        return kept
    return f"{kept[: LONGEST_NAME - 35]}~~{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def own_and_other(dataset: str) -> tuple[str, str]:
    """The data set whose models predict, and the test set from elsewhere; "" for an own holdout."""
    own, _, other = dataset.partition(ARROW)
    return own, other


def run_folders(root: Path) -> list[Path]:
    """The folders of runs in a folder of runs, sorted: those with a spec.json, whatever it holds."""
    return sorted(path.parent for path in root.glob(f"*/{SPEC}") if path.is_file())


def cell_folders(run: Path) -> list[Path]:
    """The folders of a run's cells that there are, sorted, finished or not: the one walk over a run."""
    return sorted(path for path in run.glob(f"{CELLS}/*/n*/seed*/*") if path.is_dir())


def external_files(described: Mapping[str, Any]) -> tuple[str, ...]:
    """The predictions of test sets from elsewhere that a finished cell's done.json lists, relative to its folder."""
    files = described.get("files")
    listed = files if isinstance(files, Mapping) else {}
    return tuple(name for name in listed if Path(name).parent == Path(EXTERNAL))


@contextmanager
def atomic_path(path: Path, sync: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`; on leaving without an error it is synced and renamed to `path`.

    Without `sync` a power failure may leave the file damaged: for what can be told to be so, and made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.tmp")
    try:
        yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_temporary(folder: Path) -> int:
    """Remove the temporary files below a folder whose writers, processes of this machine, were killed; count them."""
    pattern = re.compile(rf"\..+\.{re.escape(_HOST)}\.(\d+)\.(?:tmp|kept)")
    count = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            match = pattern.fullmatch(name)
            if match and not _is_alive(int(match[1])):
                Path(parent, name).unlink(missing_ok=True)
                count += 1
    return count


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, atomically; keys stay in their order. NaN and infinity are refused (`ValueError`)."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        FileNotFoundError: there is none.
        InputError: it cannot be read, or is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(
            f"{path} is not readable JSON ({error}). It was damaged or changed by something else: restore it from a "
            "copy, or move it away."
        ) from error


def write_table(
    path: Path, frame: pd.DataFrame, columns: Mapping[str, str], info: TableInfo | None = None, sync: bool = True
) -> None:
    """Write a frame as Parquet with exactly these columns and types, atomically.

    The same frame gives the same bytes. `info` goes into the file's metadata under the key `INFO`.
    `sync` as in `atomic_path`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame[list(columns)], schema=_arrow_schema(columns), preserve_index=False)
    metadata = {} if info is None else {INFO: info_metadata(info)}
    with atomic_path(path, sync) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def info_metadata(info: TableInfo) -> bytes:
    """What stands in a predictions file's metadata under `INFO`, as JSON: data set -> task, classes and facts."""
    described = {
        name: {"task": info.tasks[name], "classes": list(info.classes[name]), **info.facts.get(name, {})}
        for name in sorted(info.tasks)
    }
    return json.dumps(described, sort_keys=True).encode()


def read_table(path: Path) -> pd.DataFrame:
    """Read one of our Parquet tables; list columns come back as NumPy arrays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas()
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a readable Parquet file ({error}). It may be truncated.") from error
    return frame


def read_info(path: Path) -> TableInfo:
    """What a predictions file says of its data sets; empty where the file carries no such metadata."""
    import pyarrow.parquet as pq

    raw = (pq.read_schema(path).metadata or {}).get(INFO)
    described = json.loads(raw) if raw else {}
    return TableInfo(
        classes={name: tuple(entry["classes"]) for name, entry in described.items()},
        tasks={name: entry["task"] for name, entry in described.items()},
        facts={
            name: {key: value for key, value in entry.items() if key not in ("task", "classes")}
            for name, entry in described.items()
        },
    )


def _stays(letter: str) -> bool:
    return (letter.isascii() and letter.isalnum()) or letter in "-_.=+,:"


def _escaped(letter: str) -> str:
    return "".join(f"~{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _arrow_schema(columns: Mapping[str, str]) -> Any:
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "binary": pa.binary(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "list<int32>": pa.list_(pa.int32()),
        "list<float32>": pa.list_(pa.float32()),
        "list<float64>": pa.list_(pa.float64()),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])
