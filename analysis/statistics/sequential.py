"""Stopping early: looks at planned numbers of training seeds, and the level that is spent at each.

The level alpha is spent over the looks by a function of the share of the seeds that are in (Lan and DeMets, Biometrika
1983), of O'Brien and Fleming's type: next to nothing early, nearly all of it at the end. The level of a look is the
increment of that function, and every look is a test of its own at its level. So the chance of any false claim is at
most the sum of the levels, alpha, **whatever the looks have to do with each other** (Bonferroni).

Boundaries that take the correlation of the looks into account are a little lower. They are not used, as nothing proves
them here: they are made for normal increments that are independent given the information, whereas the statistics of
successive looks are divided by variances estimated anew from few seeds, and share the patients. The patients' part of V
is the same at every look, V(k) = seeds / k + patients, so that the information at k of K seeds is V(K) / V(k) of the
last look's, more than k / K; it is nearly 1 from the start where the patients' part prevails. The share of the seeds
only says how the level is divided between the looks, which may be done at will as long as it is done beforehand.

A comparison's p-value over the looks is the smallest of its p-values, each times alpha over its look's level. It falls
from look to look, and so does every step-down correction of such p-values: what was claimed once stays claimed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.equivalence import ALPHA
from analysis.statistics.inference import FEWEST_SEEDS, Inference
from analysis.statistics.power import Components, bounds_of

Floats = npt.NDArray[np.float64]

DRAWS = 20_000  # simulated studies of `stopping`


def spent(fractions: npt.ArrayLike, alpha: float = ALPHA) -> Floats:
    """What is spent at each of (L,) shares of the seeds, in (0, 1]: 2 - 2 Phi(z / sqrt t), z of two-sided alpha.

    Lan and DeMets (Biometrika 1983), the first of their spending functions.
    """
    from scipy.special import ndtr, ndtri

    return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(np.asarray(fractions, dtype=np.float64))))


@dataclass(frozen=True, slots=True)
class Looks:
    """Planned looks, and the one that is taken.

    Attributes:
        seeds: numbers of training seeds at which one looks, rising, the last one the study's.
        at: the present one of them.
    """

    seeds: tuple[int, ...]
    at: int

    def __post_init__(self) -> None:
        check(self.seeds)
        if self.at not in self.seeds:
            raise ValueError(f"{self.at} seeds are none of the looks {self.seeds}")

    @property
    def number(self) -> int:
        """Which look this is, from 1."""
        return self.seeds.index(self.at) + 1

    @property
    def last(self) -> bool:
        """Whether no other follows."""
        return self.at == self.seeds[-1]

    @property
    def reached(self) -> tuple[int, ...]:
        """The numbers of seeds of the looks up to this one."""
        return self.seeds[: self.number]

    @property
    def levels(self) -> Floats:
        """(L,) the two-sided level of every look; they add up to alpha."""
        return levels(self.seeds)

    @property
    def level(self) -> float:
        """The two-sided level of this look."""
        return float(self.levels[self.number - 1])

    @property
    def spent(self) -> float:
        """What is spent up to this look, itself included."""
        return float(self.levels[: self.number].sum())


@dataclass(frozen=True, slots=True)
class Decided:
    """The look at which a comparison was first decided.

    Attributes:
        seeds: at that look.
        inference: the difference as it was then, whose direction the verdict keeps.
    """

    seeds: int
    inference: Inference


def check(seeds: Sequence[int]) -> None:
    """Raise `ValueError` where numbers of seeds cannot be looks: they rise, from 3, below which nothing is tested."""
    if not seeds or list(seeds) != sorted(set(seeds)):
        raise ValueError(f"looks at {', '.join(map(str, seeds)) or 'no'} seeds: they must rise, for example 3,5,10")
    if seeds[0] < FEWEST_SEEDS:
        raise ValueError(f"a look at {seeds[0]} seeds: at least {FEWEST_SEEDS}, below which nothing is tested")


def levels(seeds: Sequence[int], alpha: float = ALPHA) -> Floats:
    """(L,) two-sided levels of looks at so many seeds, in (0, alpha); they add up to alpha."""
    return np.diff(spent(np.asarray(seeds) / seeds[-1], alpha), prepend=0.0)


def over_looks(p: Floats, levels: Floats) -> Floats:
    """The p-values over the looks up to each: the smallest so far, each times alpha over its look's level.

    Args:
        p: (L, P) of the L looks so far, each alone.
        levels: of these looks, and of those to come.

    Returns:
        (L, P), nowhere rising from look to look.
    """
    return np.minimum.accumulate(np.minimum(p * (ALPHA / levels[: len(p), None]), 1.0), axis=0)


def stopping(
    difference: float, parts: Components, seeds: Sequence[int], family: int, rng: np.random.Generator
) -> Floats:
    """(L,) chances that a difference has been claimed by each of the looks, where estimates are normal.

    Args:
        difference: the true one.
        parts: variance components of one seed's difference.
        seeds: of the looks.
        family: comparisons that are corrected as one; the chances are those of the correction's first step.
        rng: of the simulated studies.
    """
    last, one_seed = seeds[-1], parts.seeds + parts.interaction
    common = math.sqrt(parts.patients + parts.hidden) * rng.standard_normal(DRAWS)
    values = difference + common[:, None] + math.sqrt(one_seed) * rng.standard_normal((DRAWS, last))
    claimed = np.zeros(DRAWS, dtype=bool)
    chances = []
    for count, level in zip(seeds, levels(seeds), strict=True):
        part = values[:, :count]
        bounds = bounds_of(parts, part.var(axis=1, ddof=1), count, 1, float(level) / family)
        claimed |= np.abs(part.mean(axis=1)) > bounds
        chances.append(claimed.mean())
    return np.array(chances)
