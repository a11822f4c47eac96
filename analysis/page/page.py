"""The report's page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.page import formats

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the page.

    Attributes:
        name: of its files.
        title, caption: what it shows, and how to read it.
        svg: the picture as SVG text; our own, and so the one thing that is not escaped.
    """

    name: str
    title: str
    caption: str
    svg: str


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A table on the page: its frame, shown `columns` only where they are given, closed where it is long."""

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What the page says first.

    Attributes:
        synthetic: names of the data sets that are not real; all of them, or some.
        sentences: (data set, n, sentences) of every block.
        facts: (name, value) pairs.
        remarks: what was assumed or left out.
    """

    title: str
    synthetic: Sequence[str]
    all_synthetic: bool
    metric: str
    margin: float
    sentences: Sequence[tuple[str, int, Sequence[str]]]
    facts: Sequence[tuple[str, str]]
    remarks: Sequence[str]


def render(head: Head, sections: Mapping[str, Sequence[Section]], figures: Sequence[Picture]) -> str:
    """The whole page; every value is escaped.

    Args:
        head: what it says first.
        sections: chapter -> its tables.
        figures: in their order.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("report.html.j2")
    chapters = [(title, [_shown(section) for section in tables]) for title, tables in sections.items() if tables]
    return template.render(head=head, chapters=chapters, figures=figures)


def _shown(section: Section) -> dict[str, Any]:
    header, rows = formats.shown(section.frame)
    return {
        "name": section.name,
        "title": section.title,
        "caption": section.caption,
        "header": [name.replace("_", " ") for name in header],
        "rows": rows,
        "right": formats.numeric(section.frame),
        "folded": section.folded,
    }
