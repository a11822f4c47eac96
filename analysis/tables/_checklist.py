"""What the checklists of reporting guidelines share: items, filled in from the run where the run knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.study.reporting import OPEN, answers
from analysis.study.study import Study

HOW = (
    "Topics are in our own words: a journal wants the guideline's own form. 'from the run': what the run knows stands "
    "here, to be checked; 'in part': the rest is yours; 'open': no program can know it."
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a guideline.

    Attributes:
        number, section, topic: the guideline's number and section, and what it asks for.
        key: of `analysis.study.reporting.answers`; "" for what no program can know.
        part: whether the answer is a part of what is asked for.
    """

    number: str
    section: str
    topic: str
    key: str = ""
    part: bool = False


def checklist(study: Study, items: Sequence[Item]) -> pd.DataFrame | None:
    """One row an item; None without a run's folder."""
    if study.run is None:
        return None
    known = answers(study)
    return pd.DataFrame(
        [
            {
                "item": item.number,
                "section": item.section,
                "topic": item.topic,
                "status": ("in part" if item.part else "from the run") if item.key in known else "open",
                "answer": known.get(item.key, OPEN),
            }
            for item in items
        ]
    )
