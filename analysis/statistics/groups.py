"""Groups: the patients or lesions that images belong to, as codes 0..G-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def group_count(groups: npt.NDArray[np.intp]) -> int:
    """G, the number of groups of (N,) codes 0..G-1 of which each is used."""
    return int(groups.max()) + 1
