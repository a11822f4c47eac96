"""The figures of a report (drawn later)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page import Figure
    from analysis.study import Study


def draw(whole: Study, trials: pd.DataFrame | None, out: Path) -> list[Figure]:
    """None yet."""
    return []
