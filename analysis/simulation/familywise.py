"""How often a study claims anything that is false: families of comparisons whose differences are all zero.

Values are normal and their variances over patients known, so that thousands of studies are quick; the comparisons,
their correction and their verdicts are the public ones (`analysis.study.comparison.compare_all`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.form import Gate
from analysis.statistics.critical import critical
from analysis.study.comparison import compare_all
from analysis.study.scores import Scored
from benchmark import metrics

Floats = npt.NDArray[np.float64]

NAME = "familywise"
TITLE = "Family-wise error"
NOTE = (
    "Blocks of three arms that are all equal: 3, 6 and 18 pairs in 1, 2 and 6 blocks. A seed's value is normal "
    "around the arm's, w is the seeds' share of a difference's variance. 'through compare_all' is the share of "
    "studies in which any adjusted p is below .05; 'by critical value' is the same of the first step of Holm's "
    "procedure, on 20 studies for every one of the others; 'by Hillis df' is that step with Hillis's degrees of "
    "freedom, which is why they are not the primary ones. At most .055."
)
SIMULATIONS = 1000
BATCH = 50

ALPHA, MOST = 0.05, 0.055
ARMS = 3
CHEAP = 20  # studies by critical value alone for each one through compare_all
PAIRS = tuple(combinations(range(ARMS), 2))


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds, the number of pairs in the family, and the seeds' share of the variance of a difference."""

    seeds: int
    pairs: int
    share: float

    @property
    def name(self) -> str:
        """For tables and random streams."""
        return f"S={self.seeds} {self.pairs} pairs w={self.share:g}"


def cases() -> list[Case]:
    """Seeds by pairs by shares."""
    return [Case(s, m, w) for s in (3, 5, 10) for m in (3, 6, 18) for w in (0.3, 0.5, 0.7, 0.9, 1.0)]


def gates(case: Case) -> tuple[Gate, ...]:
    """Of both ways; Hillis's df are shown, and known to fail."""
    hillis = () if case.seeds > 5 else (Gate("by Hillis df", 0.0, MOST, known=True),)
    return Gate("through compare_all", 0.0, MOST), Gate("by critical value", 0.0, MOST), *hillis


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether anything is claimed; by critical value, the mean over `CHEAP` as many studies."""
    blocks = case.pairs // len(PAIRS)
    claimed = np.zeros(size)
    for i, study in enumerate(values(case, size, blocks, ARMS, rng)):
        claimed[i] = any(c.adjusted_p < ALPHA for c in compare_all(scored(case, study), margin=1e3))
    by_critical, by_hillis = first_step(case, values(case, size * CHEAP, blocks, ARMS, rng))
    return {
        "through compare_all": claimed,
        "by critical value": by_critical.reshape(size, CHEAP).mean(axis=1),
        "by Hillis df": by_hillis.reshape(size, CHEAP).mean(axis=1),
    }


def values(case: Case, studies: int, blocks: int, arms: int, rng: np.random.Generator) -> Floats:
    """(studies, blocks, arms, S): a difference of two arms' means has variance 1, and `share` of it is the seeds'."""
    seeds = math.sqrt(case.share * case.seeds / 2) * rng.standard_normal((studies, blocks, arms, case.seeds))
    return np.asarray(seeds + math.sqrt((1 - case.share) / 2) * rng.standard_normal((studies, blocks, arms, 1)))


def scored(case: Case, study: Floats) -> list[Scored]:
    """One study's (blocks, arms, S) values as blocks, with the covariance over patients that they were drawn with."""
    metric = metrics.find("auroc")
    _, arms, seeds = study.shape
    covariance = np.kron(np.eye(arms), np.full((seeds, seeds), (1 - case.share) / 2))
    return [Scored(_block(i, arms, seeds), metric, block, covariance) for i, block in enumerate(study)]


def _block(number: int, arms: int, seeds: int) -> Block:
    """A block of as many arms and seeds, with next to no images: what is compared are the values beside it."""
    return Block(
        dataset=f"block {number}",
        n_per_class=100,
        task="binary",
        classes=("negative", "positive"),
        arms=tuple(f"arm {a}" for a in range(arms)),
        seeds=tuple(range(seeds)),
        sample_ids=np.array(["a", "b"], dtype=object),
        groups=np.arange(2, dtype=np.intp),
        truth=np.eye(2),
        scores=np.zeros((arms, seeds, 1, 2, 2)),
        rho=0.0,
        rho_known=True,
    )


def first_step(case: Case, studies: Floats) -> tuple[Floats, Floats]:
    """(studies,) twice: whether any statistic is beyond the critical value at alpha / pairs; and by Hillis's df.

    Holm's procedure claims something where its first step does, and so its family-wise error under no difference is
    that of this step.
    """
    from scipy.stats import t

    first, second = np.array(PAIRS).T
    d = studies[:, :, second] - studies[:, :, first]  # (studies, blocks, 3, S)
    seed_part = d.var(axis=-1, ddof=1) / case.seeds
    total = seed_part + (1 - case.share)
    shares, statistic = seed_part / total, np.abs(d.mean(axis=-1)) / np.sqrt(total)
    level = ALPHA / case.pairs
    calibrated = statistic > critical(shares, case.seeds, level)
    hillis = statistic > t.isf(level / 2, (case.seeds - 1) / shares**2)
    return calibrated.any(axis=(1, 2)).astype(np.float64), hillis.any(axis=(1, 2)).astype(np.float64)
