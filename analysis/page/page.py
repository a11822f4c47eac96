"""The report's page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.page import formats

if TYPE_CHECKING:
    import pandas as pd

    from analysis.figures import Picture
    from analysis.page.chapters import Section
    from analysis.page.head import Head

ARMS = "arms"  # the table that stands under the answer
TEMPLATES = Path(__file__).parent / "templates"


def render(head: Head, chapters: Mapping[str, Sequence[Section]], pictures: Sequence[Picture]) -> str:
    """The page as HTML; every value is escaped, except the pictures' SVG, which is our own.

    Args:
        head: what it says first.
        chapters: title -> its tables; the arms' stands before them, under the answer.
        pictures: in their order; the first stands under the answer, too.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("report.html.j2")
    sections = [section for of_chapter in chapters.values() for section in of_chapter]
    arms = next((_shown(section) for section in sections if section.name == ARMS), None)
    rest = [
        (title, [_shown(section) for section in of_chapter if section.name != ARMS])
        for title, of_chapter in chapters.items()
    ]
    shown = [(title, tables) for title, tables in rest if tables]
    return template.render(head=head, arms=arms, chapters=shown, figures=pictures)


def _shown(section: Section) -> dict[str, Any]:
    frame = section.frame[[name for name in section.frame.columns if not _silent(section.frame, name)]]
    header, rows = formats.shown(frame)
    return {
        "name": section.name,
        "title": section.title,
        "caption": section.caption,
        "header": [name.replace("_", " ") for name in header],
        "rows": rows,
        "right": formats.numeric(frame),
        "folded": section.folded,
    }


def _silent(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column says nothing and is left out on the page: empty, or the n of a table without one."""
    return bool(len(frame)) and bool(frame[name].isna().all() or (name == "n_per_class" and (frame[name] == 0).all()))
