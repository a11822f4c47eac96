"""Whether the interval of a label-equivalent gain holds the n at which the two true learning curves meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.simulation.form import Gate
from analysis.simulation.simulate import Truth, simulate
from analysis.statistics.auc import covariance, placements
from analysis.statistics.gain import label_equivalent

Floats = npt.NDArray[np.float64]

NAME = "label_gain"
TITLE = "Label-equivalent gain"
NOTE = (
    "Arm A is measured at n = 25, 50, 100, 200, and its expected AUROC rises from .74 to .86 by a power of n; arm "
    "B's at its own n is what A's curve, linear in log n between the measured n, has at the true n of the row. The "
    "arms are paired by seed and by patient, 400 images. Coverage of the 95% interval must lie in [.93, .97]; where "
    "A never reaches B, or passes it at once, an open end must say so, in at least .93. An interval with one open "
    "end misses on one side alone, and covers up to .975: with 3 seeds that is nearly every one. Estimand: a new "
    "training sample, rho = 0 (for overlap see the real learner's gain)."
)
SIMULATIONS = 2000
BATCH = 25

SIZES = (25, 50, 100, 200)
CURVE = tuple(0.90 - 0.16 * (n / 25) ** -0.7 for n in SIZES)
IMAGES = 400


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds, and the n at which A equals B: 0 where A is above from the first, infinite where it never arrives."""

    seeds: int
    equal: float

    @property
    def name(self) -> str:
        """For tables and random streams."""
        where = "never" if math.isinf(self.equal) else "at once" if self.equal == 0 else f"at n = {self.equal:.0f}"
        return f"S={self.seeds} equal {where}"

    @property
    def target(self) -> float:
        """Arm B's true value."""
        if math.isinf(self.equal):
            return float(CURVE[-1] + 0.02)
        if self.equal == 0:
            return float(CURVE[0] - 0.02)
        return float(np.interp(math.log(self.equal), np.log(SIZES), CURVE))


def cases() -> list[Case]:
    """Few, some and many seeds; within a segment, at a measured n, and outside."""
    return [Case(seeds, equal) for seeds in (3, 5, 10) for equal in (35.0, 100.0, 140.0, math.inf, 0.0)]


def gates(case: Case) -> tuple[Gate, ...]:
    """Coverage near .95; outside the range, where one end is always open, a miss has one side, and .975 is right.

    With 3 seeds one end is nearly always open inside the range too, and what is too much there is known.
    """
    if not 0 < case.equal < math.inf:
        return (Gate("covered", 0.93, 1.0),)
    if case.seeds < 5:
        return Gate("covered", 0.93, 1.0), Gate("covered", 0.93, 0.97, known=True)
    return (Gate("covered", 0.93, 0.97),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the interval holds the truth, whether an end is open, and the bias of log n where inside."""
    truth = Truth(auroc=(*CURVE, case.target), seeds=case.seeds, images=IMAGES, seed_sd=0.15, case_arms=0.5)
    expected = -math.inf if case.equal == 0 else case.equal
    covered, low_open, high_open = np.zeros((3, size))
    for i in range(size):
        block = simulate(truth, rng)
        parts = placements(block.truth[:, 1], block.scores[..., 1].reshape(-1, IMAGES), block.groups)
        values = parts.auc.reshape(-1, case.seeds)
        _, low, high = label_equivalent(SIZES, values[:-1], values[-1], covariance(parts), (0.0,) * (len(SIZES) + 1))
        covered[i] = low <= expected <= high
        low_open[i], high_open[i] = low == -math.inf, high == math.inf
    return {"covered": covered, "open below": low_open, "open above": high_open}
