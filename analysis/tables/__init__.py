"""The tables of a report, one file each: a new file here is a new table, in the report's folder and on its page.

A file says what its table is called, where it stands and how it is read, and builds it from a study:

    NAME = "arms"                        # tables/arms.csv
    ORDER = 10                           # place among the tables
    CHAPTER = "Main results"             # of the page; chapters come in the order of their first tables
    TITLE = "Every arm"
    CAPTION = "How the columns are read."
    CAPTION_MODELS = "..."               # instead, where the trained models are held fixed; may be left out
    FOLDED = True                        # closed on the page until it is clicked; may be left out
    MEANINGS = {"worst": "..."}          # of columns that no other table has (`_columns.py` holds the others)

    def build(study):                    # rows, or None where the study has nothing for it
        return pd.DataFrame(rows)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from analysis.tables._columns import shared_meaning
from benchmark.discovery import Constant, Function, Kind, file_name_problem

if TYPE_CHECKING:
    import pandas as pd

    from analysis.study.study import Study

ALWAYS = ("arms", "pairwise")  # written even without rows


class Table(Protocol):
    """A table's file, as `MODULES` finds it."""

    NAME: str
    ORDER: int
    CHAPTER: str
    TITLE: str
    CAPTION: str

    def build(self, study: Study, /) -> pd.DataFrame | None:
        """The rows; None where the study has nothing for the table."""


MODULES: Kind[Table] = Kind(
    "table",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "arms"'),
        "ORDER": Constant((int,), "ORDER = 10  # place among the tables"),
        "CHAPTER": Constant((str,), 'CHAPTER = "Main results"'),
        "TITLE": Constant((str,), 'TITLE = "Every arm"'),
        "CAPTION": Constant((str,), 'CAPTION = "How the columns are read."'),
        "CAPTION_MODELS": Constant((str,), 'CAPTION_MODELS = "How the columns are read."', needed=False),
        "FOLDED": Constant((bool,), "FOLDED = True  # closed on the page until it is clicked", needed=False),
        "MEANINGS": Constant((dict,), 'MEANINGS = {"worst": "the worst seed"}  # column -> meaning', needed=False),
    },
    functions={"build": Function(("study",), "def build(study: Study) -> pd.DataFrame | None: ...")},
    check=file_name_problem,
)


def build_all(study: Study) -> dict[str, pd.DataFrame]:
    """Every table that the study has rows for, by name and in order."""
    frames = {}
    for table in MODULES.all():
        frame = table.build(study)
        if frame is not None and (len(frame) or table.NAME in ALWAYS):
            frames[table.NAME] = frame
    return frames


def folded(table: Table) -> bool:
    """Whether the page shows a table closed."""
    return bool(getattr(table, "FOLDED", False))


def meaning(table: Table, column: str) -> str | None:
    """What a column of a table says, in the table's own words or in those that tables share; None: nowhere said."""
    own: Mapping[str, str] = getattr(table, "MEANINGS", {})
    return own.get(column) or shared_meaning(table.NAME, column)
