"""Reading the tables that come with data sets: as text, only what is needed, and clear when wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmark.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

LONGEST_LINE = 2**16  # bytes of a table's line: the longest of the known data sets have 300


def read_columns(path: Path, columns: Sequence[str], maybe_empty: Sequence[str] = ()) -> pd.DataFrame:
    """Columns of a CSV, or of a tab-separated file, as text; empty cells are NaN.

    Args:
        path: the file.
        columns: needed, with a value in every row.
        maybe_empty: needed, but cells may be empty.

    Raises:
        InputError: unreadable, without one of the columns, without rows, or with an empty cell in `columns`.
    """
    import pandas as pd

    wanted = [*columns, *maybe_empty]
    refuse_odd_bytes(path)
    known = header(path)
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise InputError(f"{path} lacks the column(s) {', '.join(lacking)}; it has {', '.join(known)}.")
    try:
        frame = pd.read_csv(
            path, sep=_separator(path), usecols=wanted, dtype=str, keep_default_na=False, na_values=[""]
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(f"{path} is not a readable CSV: {error}.") from error
    if frame.empty:
        raise InputError(f"{path} has a header and no rows.")
    for name in columns:
        if frame[name].isna().any():
            raise InputError(f"{path}: row {int(frame[name].isna().to_numpy().argmax()) + 2} has no {name}.")
    return frame[wanted]


def header(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        InputError: unreadable, or not text.
    """
    import csv

    try:
        return next(csv.reader([_first_line(path)], delimiter=_separator(path)), [])
    except csv.Error as error:
        raise InputError(f"{path} is not a readable CSV: {error}.") from error


def refuse_odd_bytes(path: Path) -> None:
    """Refuse what no table of text holds, before a parser takes it into memory: NULs, and lines without an end.

    Raises:
        InputError: which of the two; or it cannot be read.
    """
    length, line = 0, 1
    try:
        with path.open("rb") as file:
            while part := file.read(LONGEST_LINE):
                if b"\0" in part:
                    raise InputError(
                        f"{path} holds NUL bytes: it is damaged, or text of another encoding. Save it as UTF-8."
                    )
                first, *others = part.split(b"\n")
                if max(length + len(first), *map(len, others), 0) > LONGEST_LINE:
                    raise InputError(
                        f"{path} has a line of more than {LONGEST_LINE:,} bytes, near line {line}: a quote that is "
                        "never closed, or no table."
                    )
                line += len(others)
                length = len(others[-1]) if others else length + len(first)
    except OSError as error:
        raise InputError(f"{path} is not a readable CSV: {error}.") from error


def inside(name: str, table: Path) -> PurePosixPath:
    """A relative path from a table, refused where it leads out of its folder.

    Raises:
        InputError: absolute, or with `..`.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0]:
        raise InputError(f"{table}: '{name}' leads out of its folder: paths are relative to it.")
    return path


def with_paths(frame: pd.DataFrame, column: str, paths: Mapping[str, Path], table: Path) -> pd.DataFrame:
    """The rows of a table sorted by their images' names, with the column "path".

    Args:
        frame: of the table.
        column: with the images' names.
        paths: name -> file.
        table: for messages.

    Raises:
        InputError: an image is missing, or listed twice.
    """
    import numpy as np

    missing = frame[column][~frame[column].isin(list(paths))]
    if len(missing):
        raise InputError(
            f"{len(missing)} of the {len(frame)} images that {table} lists are missing, for example "
            f"{missing.iloc[0]}: unpack all parts of the images beside it."
        )
    repeated = frame[column][frame[column].duplicated()]
    if len(repeated):
        raise InputError(f"{table} lists '{repeated.iloc[0]}' twice.")
    frame = frame.sort_values(column).reset_index(drop=True)
    return frame.assign(path=np.array([paths[name] for name in frame[column]], dtype=object))


def marked_column(frame: pd.DataFrame, columns: Sequence[str], table: Path) -> npt.NDArray[np.intp]:
    """(N,) which of the columns holds the one 1 of every row; the others hold 0.

    Raises:
        InputError: a row without a 1, with several, or with something else.
    """
    import numpy as np
    import pandas as pd

    stated = frame[list(columns)].apply(pd.to_numeric, errors="coerce")
    if not (stated.isin([0, 1]).all(axis=None) and (stated.sum(axis=1) == 1).all()):
        raise InputError(f"{table}: every row should have one 1 among {', '.join(columns)}, and 0 else.")
    return np.asarray(stated.to_numpy().argmax(1))


def _separator(path: Path) -> str:
    return "\t" if "\t" in _first_line(path) else ","


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline(LONGEST_LINE).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable CSV: {error}.") from error
