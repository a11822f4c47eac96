"""What a data set's tables tell of its patients and images beside the labels: sex, age, view, site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "unknown"
AGE = "age"  # the attribute that comes in bands
BAND = 20  # years
MOST_VALUES = 20  # more are names, dates or free text: no subgroups, and nothing that a report should hold
OLDEST = 80  # from here on one band
LONGEST_LIFE = 120  # years; more, as NIH's table has, is a slip of the pen

Texts = npt.NDArray[np.str_]


def attributes_of(frame: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, Texts]:
    """The attributes that a table has.

    Args:
        frame: a row an image, cells as text, NaN where empty.
        columns: attribute -> its column, which may be missing; "age" is in years.

    Returns:
        Attribute -> (N,) small letters, "unknown" where the table does not say; ages as bands of 20 years. An attribute
        that no row has, or of more than `MOST_VALUES` values, is left out.
    """
    made = {}
    for name, column in columns.items():
        if column in frame:
            values = age_bands(frame[column]) if name == AGE else texts(frame[column])
            if (values != UNKNOWN).any() and len(set(values)) <= MOST_VALUES:
                made[name] = values
    return made


def texts(values: pd.Series) -> Texts:
    """Cells without their spaces, in small letters; "unknown" for empty ones."""
    stripped = values.fillna("").astype(str).str.strip().str.lower()
    return np.asarray(stripped.where(~stripped.isin(["", "nan", "none"]), UNKNOWN).to_numpy(dtype=str))


def age_bands(values: pd.Series) -> Texts:
    """Bands such as ``40 to 59`` and ``80 or more``, from years as ``58``, ``58.0`` or DICOM's ``058Y``."""
    parts = values.fillna("").astype(str).str.extract(r"^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]?)\s*$")
    years = parts[0].astype(float).where(~parts[1].str.upper().isin(["M", "W", "D"]), 0.0)
    bands = [
        UNKNOWN
        if np.isnan(year) or year > LONGEST_LIFE
        else f"{OLDEST} or more"
        if year >= OLDEST
        else _band(int(year // BAND) * BAND)
        for year in years
    ]
    return np.array(bands, dtype=str)


def _band(first: int) -> str:
    return f"{first} to {first + BAND - 1}"
