"""Predictions as they are published: small, without the names of images and patients, and with what a reader must know.

A published file is a predictions table as any other (`benchmark.results.PREDICTION_COLUMNS`), with rounded scores.
Beside ``benchmark``, its metadata have ``run``: what the run's folder tells, in the form of its spec.json.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.errors import InputError
from benchmark.results import INFO, PREDICTION_COLUMNS, TableInfo, atomic_path, info_metadata

if TYPE_CHECKING:
    import pyarrow as pa

RUN = b"run"  # key of the metadata
DIGITS = 12  # hexadecimal, of a name: of 100,000 images two share one by chance once in 50,000 files
NAMED = {"sample_id": "images", "group_id": "patients or lesions"}  # column -> of what
#: Image by image: ids then cost next to nothing, and refits that are the same stand side by side. On HAM10000 that and
#: splitting the scores' bytes took 18% off files with trained arms, and 48% off those with arms fitted once.
ORDER = ("dataset", "n_per_class", "sample_id", "arm", "seed", "refit")
SCORES = "y_score.list.element"  # what Parquet calls the column
LEVEL = 19  # of zstd: it is written once
#: Binary digits of a score, or of what it lacks to 1 where that is less. Half precision, 11 digits of the score, ties
#: so many votes of neighbours that a model's AUROC moved by .0045.
KEPT = 17


def write_compact(
    path: Path, files: Sequence[Path], keys: Mapping[str, str], info: TableInfo, run: Mapping[str, Any]
) -> None:
    """Write predictions in the form in which they are published, atomically; the same input gives the same bytes.

    Args:
        path: where to.
        files: predictions files that the analysis accepts.
        keys: data set -> secret of those who hold its images (`name_of`).
        info: what the file says of its data sets.
        run: what it says of the run: plain values.

    Raises:
        InputError: two names became one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([pq.read_table(file).select(list(PREDICTION_COLUMNS)) for file in files])
    table = _renamed(table.replace_schema_metadata(None), keys).sort_by([(column, "ascending") for column in ORDER])
    table = table.set_column(table.column_names.index("y_score"), "y_score", _rounded(table["y_score"]))
    text = json.dumps(run, sort_keys=True, allow_nan=False, separators=(",", ":"))
    metadata = {INFO: info_metadata(info), RUN: text.encode()}
    with atomic_path(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=[
                "y_true.list.element",
                *(column for column in table.column_names if not column.startswith("y_")),
            ],
            column_encoding={SCORES: "BYTE_STREAM_SPLIT"},
        )


def described_in(path: Path) -> Mapping[str, Any]:
    """What a published file says of its run, as spec.json would; empty for any other file.

    Raises:
        InputError: its metadata are not in this form.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        raw = (pq.read_schema(path).metadata or {}).get(RUN)
    except (pa.ArrowException, OSError):  # whoever reads the rows says what is wrong
        return {}
    try:
        described = json.loads(raw) if raw else {}
    except ValueError as error:
        raise InputError(f"the metadata 'run' of {path} are not JSON ({error}): leave them out.") from error
    if not isinstance(described, Mapping) or not isinstance(described.get("spec", {}), Mapping):
        raise InputError(f"the metadata 'run' of {path} do not describe a run: leave them out.")
    return described


def name_of(name: str, kind: str, key: str) -> str:
    """The name under which an image or a patient is published.

    The first digits of HMAC-SHA-256 (RFC 2104) of ``kind``, a NUL and the name. With the hash of the images as its key,
    who holds them can find the image of a row; nobody else can, as trying all names (patients have numbers) takes
    the key.
    """
    return hmac.new(key.encode(), f"{kind}\0{name}".encode(), hashlib.sha256).hexdigest()[:DIGITS]


def _renamed(table: pa.Table, keys: Mapping[str, str]) -> pa.Table:
    """The table with other names for images and patients, each data set's under its own key."""
    import pyarrow as pa

    datasets = table["dataset"].combine_chunks().dictionary_encode()
    for column, kind in NAMED.items():
        encoded = table[column].combine_chunks().dictionary_encode()
        old, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        new = np.empty(len(codes), dtype=object)
        for place, dataset in enumerate(datasets.dictionary.to_pylist()):
            rows = np.flatnonzero(datasets.indices.to_numpy() == place)
            used = np.unique(codes[rows])
            names = np.empty(len(old), dtype=object)
            names[used] = [name_of(old[code], column, keys[dataset]) for code in used]
            if len(set(names[used])) < len(used):
                raise InputError(
                    f"{dataset}: two of {len(used):,} {kind} got the same name of {DIGITS} digits, and would be "
                    "counted as one. Raise DIGITS in analysis/predictions/compact.py."
                )
            new[rows] = names[codes[rows]]
        table = table.set_column(table.column_names.index(column), column, pa.array(new, pa.string()))
    return table


def _rounded(scores: pa.ChunkedArray) -> pa.Array:
    """Lists of scores with `KEPT` binary digits: the others are zeros, which cost next to nothing."""
    import pyarrow as pa

    lists = scores.combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    _, magnitude = np.frexp(np.minimum(values, 1 - values))
    step = np.ldexp(1.0, magnitude - KEPT)
    rounded = (np.round(values / step) * step).astype(np.float32)
    offsets = lists.offsets.to_numpy() - lists.offsets[0].as_py()
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(rounded))
