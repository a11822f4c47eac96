"""The flow of the data."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from analysis.study.flow import flow
from analysis.study.study import Study

NAME = "flow"
ORDER = 195
CHAPTER = "Data"
TITLE = "Flow of the data"
CAPTION = (
    "Images, and patients or lesions (groups), from what was indexed to what was predicted. What a data set's own "
    "reading leaves out before (views, other labels) stands with its name under 'Findings'; exclusions by the owner of "
    "the data are not known here."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a step; None without a run's folder."""
    rows = [asdict(step) for step in flow(study)]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    for name in ("images", "groups"):  # whole numbers with gaps would turn into floats
        frame[name] = frame[name].astype("Int64").astype(object).where(frame[name].notna(), None)
    return frame
