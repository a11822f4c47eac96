"""How the results came to be: command, time, code, data licences, limits."""

from __future__ import annotations

import pandas as pd

from analysis.study.reporting import OPEN, answers
from analysis.study.study import Study

NAME = "provenance"
ORDER = 205
CHAPTER = "How this was made"
TITLE = "Command, time, code and licences"
CAPTION = (
    "As far as the run's folder tells; what no program can know is marked open. Versions and hardware of every start "
    "stand in the table 'starts', choices in 'protocol'."
)

ITEMS = (
    ("command", "command"),
    ("time", "wall time"),
    ("device time", "device time"),
    ("code", "code"),
    ("software", "software"),
    ("hardware", "hardware"),
    ("data", "sources"),
    ("licences of the data", "licences"),
    ("ethics approval, consent", "ethics"),
    ("limitations", "limitations"),
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an item; None without a run's folder."""
    if study.run is None:
        return None
    known = answers(study)
    return pd.DataFrame([{"item": item, "value": known.get(key, OPEN)} for item, key in ITEMS])
