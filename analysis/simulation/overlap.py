"""Overlapping training samples at their worst: estimates whose seeds hide a part that can hardly be told from noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.simulation.form import Gate
from analysis.statistics.inference import joint

Floats = npt.NDArray[np.float64]

NAME = "overlap"
TITLE = "Overlapping samples at their worst"
NOTE = (
    "No difference. A seed's value is normal; 'data' is the part of its variance that the training sample causes, of "
    "which overlap hides rho / (1 - rho) from a comparison of seeds, the largest amount that it can. The rest is what "
    "patients and seeds do together (one refit), or noise of each training (three refits), and the patients add "
    "nothing that all seeds share, which would cover up for errors of the other parts. How often the test at 5% "
    "rejects: 'the population' must stay below .06; 'this pool' is the same test with rho = 0, which asks another "
    "question."
)
SIMULATIONS = 10000
BATCH = 100


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds of so many refits, the overlap of two samples, and the samples' part of a seed's variance."""

    seeds: int
    refits: int
    rho: float
    data: float

    @property
    def name(self) -> str:
        """For tables and random streams."""
        trained = "1 refit" if self.refits == 1 else f"{self.refits} refits"
        return f"S={self.seeds} {trained}, overlap {self.rho:g}, data {self.data:g}"


def cases() -> list[Case]:
    """Shares at which taking off an estimate of the rest did most harm, by seeds, refits and overlap."""
    return [
        Case(seeds, refits, rho, data)
        for refits in (1, 3)
        for seeds in (3, 5, 10)
        for rho in (0.15, 0.3, 0.6)
        for data in (0.35, 0.7, 1.0)
    ]


def gates(case: Case) -> tuple[Gate, ...]:
    """The size, which may be less: rho / (1 - rho) times three quarters of the variance is too much for most."""
    return (Gate("the population", 0.0, 0.06),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the joint test rejects."""
    hidden = case.rho / (1 - case.rho) * case.data
    sample = rng.normal(0, np.sqrt(case.data), (size, case.seeds, 1))
    rest = rng.normal(0, np.sqrt((1 - case.data) * case.refits), (size, case.seeds, case.refits))
    values = sample + rest + rng.normal(0, np.sqrt(hidden), (size, 1, 1))
    covariance = (1 - case.data if case.refits == 1 else 0.0) * np.eye(case.seeds)
    return {
        name: np.array([joint(one.mean(axis=1), covariance, rho, one).p < 0.05 for one in values], dtype=np.float64)
        for name, rho in (("the population", case.rho), ("this pool", 0.0))
    }
