"""How often a study calls arms equivalent that differ by exactly the margin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.simulation.familywise import ALPHA, MOST, Case, cases, scored, values
from analysis.simulation.form import Gate
from analysis.statistics.critical import critical
from analysis.study.comparison import compare_all

Floats = npt.NDArray[np.float64]

NAME = "equivalence"
TITLE = "False equivalence"
NOTE = (
    "Blocks of two arms whose true difference is the margin, which is a thousand standard errors wide, so that only "
    "its near side is in question. Values as in the family-wise error. 'through compare_all' is the share of studies "
    "with any verdict 'equivalent'; 'uncorrected' that of studies in which the test of any one comparison at .05 "
    "says so, which is what the correction is for. At most .055."
)
SIMULATIONS = 1000
BATCH = 50

MARGIN = 1e3

__all__ = ["batch", "cases", "gates"]  # the cases are those of the family-wise error


def gates(case: Case) -> tuple[Gate, ...]:
    """Of the verdicts; what an uncorrected test does is shown only."""
    return (Gate("through compare_all", 0.0, MOST),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether anything is called equivalent."""
    studies = values(case, size, case.pairs, 2, rng)
    studies[:, :, 1] += MARGIN
    called = [any(c.verdict == "equivalent" for c in compare_all(scored(case, study), MARGIN)) for study in studies]
    d = studies[:, :, 1] - studies[:, :, 0]
    seed_part = d.var(axis=-1, ddof=1) / case.seeds
    total = seed_part + (1 - case.share)
    below = (MARGIN - d.mean(axis=-1)) / np.sqrt(total) > critical(seed_part / total, case.seeds, 2 * ALPHA)
    return {"through compare_all": np.array(called, dtype=np.float64), "uncorrected": below.any(axis=1).astype(float)}
