"""Matthews correlation, for more classes Gorodkin's R_K (Computational Biology and Chemistry 2004)."""

from __future__ import annotations

import numpy as np

from benchmark.sums import Numbers, Sums

NAME = "mcc"
LABEL = "Matthews correlation"
ORDER = 40
HIGHER_IS_BETTER = True
RANGE = (-1.0, 1.0)
WORST = -1.0


def of_sums(sums: Sums) -> Numbers:
    """(..., Q) one a problem; 0 where only one class is predicted."""
    total = sums.true.sum(axis=-1)
    top = sums.hits.sum(axis=-1) * total - (sums.true * sums.predicted).sum(axis=-1)
    spread = (total**2 - (sums.predicted**2).sum(axis=-1)) * (total**2 - (sums.true**2).sum(axis=-1))
    flat = spread.real <= 0
    return np.asarray(np.where(flat, 0.0, top / np.sqrt(np.where(flat, 1.0, spread))))
