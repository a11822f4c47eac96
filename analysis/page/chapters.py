"""Where every table stands on the page: the report's own by their files, then those that only the run knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis import tables
from analysis.study.about import caption_of
from benchmark.results import path_name

if TYPE_CHECKING:
    import pandas as pd

THE_RUN = "The run"


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A table on the page.

    Attributes:
        name: of its files.
        title, caption: what it shows, and how it is read.
        frame: its rows.
        folded: whether it is closed until it is clicked.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False


def chapters(frames: Mapping[str, pd.DataFrame], models_fixed: bool = False) -> dict[str, list[Section]]:
    """The page's chapters, title -> sections, in the order of the tables; the run's own tables come last.

    Args:
        frames: the tables by name.
        models_fixed: whether every interval holds the trained models fixed, which the captions then say.
    """
    of_chapters: dict[str, list[Section]] = {}
    for table in tables.MODULES.all():
        if table.NAME in frames:
            caption = caption_of(table, models_fixed)
            section = Section(table.NAME, table.TITLE, caption, frames[table.NAME], tables.folded(table))
            of_chapters.setdefault(table.CHAPTER, []).append(section)
    of_run = [
        Section(name, name.replace("_", " ").capitalize(), "", frame)
        for name, frame in frames.items()
        if name not in tables.MODULES.names()
    ]
    return of_chapters | ({THE_RUN: of_run} if of_run else {})


def run_tables(described: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The tables in a run's spec.json (protocol, search spaces, data, leaks), by names that are safe in a path.

    A table whose name is one of the report's own gets ``run_`` before it.
    """
    import pandas as pd

    of_run = described.get("tables", {})
    frames: dict[str, pd.DataFrame] = {}
    for title, records in of_run.items() if isinstance(of_run, Mapping) else ():
        usable = isinstance(records, list) and bool(records) and all(isinstance(row, Mapping) for row in records)
        if not usable:
            continue
        name = path_name(str(title))
        while name in tables.MODULES.names() or name in frames:
            name = f"run_{name}"
        frame = pd.DataFrame(records)
        # Integers with gaps would turn into floats; as objects they stay what they are.
        frames[name] = frame.astype(object).where(frame.notna(), None)
    return frames
