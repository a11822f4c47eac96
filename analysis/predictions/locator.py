"""Rows as messages name them: by file, and by place in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Integers

Booleans = npt.NDArray[np.bool_]

SHOWN = 5  # rows or images that a message names


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """Names rows in messages: the file and the row in it, from a position in all that was read.

    Attributes:
        files: the F files that were read, one after the other.
        starts: (F,) position of the first row of every file.
        where: (M,) positions of the rows of a part; None for all rows.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    where: Integers | None = None

    def of(self, where: Integers) -> Locator:
        """The locator of a part: `where` gives the (M,) positions of its rows."""
        return Locator(self.files, self.starts, where)

    def rows(self, bad: Booleans) -> str:
        """``2 rows (FILE row 0, FILE row 7)`` for an (M,) mask over this part's rows."""
        marked = np.flatnonzero(bad)
        total = len(marked)
        places = marked[:SHOWN] if self.where is None else self.where[marked[:SHOWN]]
        named = []
        for place in places:
            file = int(np.searchsorted(self.starts, place, side="right")) - 1
            named.append(f"{self.files[file]} row {int(place) - self.starts[file]}")
        more = ", ..." if total > SHOWN else ""
        return f"{total} row{'s' if total != 1 else ''} ({', '.join(named)}{more})"
