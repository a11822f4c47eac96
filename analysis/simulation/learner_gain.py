"""The label-equivalent gain of a real learner, whose nested training samples overlap more the larger they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from analysis.simulation import learner
from analysis.simulation.form import Gate
from analysis.statistics.auc import covariance, placements
from analysis.statistics.gain import equal_at, label_equivalent

Floats = npt.NDArray[np.float64]

NAME = "learner_gain"
TITLE = "Label-equivalent gain of a real learner"
NOTE = (
    "The learner's two arms on two classes, at n = 10, 20, 40, 80 of a pool that is drawn anew in every study, the "
    "smaller samples being the first images of the larger: how many labels does naive Bayes need to equal the arm with "
    "covariances at n = 10? The stated overlap is that of two seeds at n = 80; at smaller n it is less in proportion. "
    "The curve is flat there, so that the upper end is nearly always open, and an interval with one end misses on one "
    "side alone: coverage of the estimand 'the population' must be .93 at least, and .975 or more is right."
)
SIMULATIONS = 2000
BATCH = 25

SIZES = (10, 20, 40, 80)
TRUTHS = 1500  # training samples that the true curves are taken over: .03 in log n
IMAGES = 400


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds, and the overlap of two of them at the largest n."""

    seeds: int
    overlap: float

    @property
    def name(self) -> str:
        """For tables and random streams."""
        return f"S={self.seeds} overlap up to {self.overlap:g}"


def cases() -> list[Case]:
    """Seeds by overlaps."""
    return [Case(seeds, overlap) for seeds in (3, 5, 10) for overlap in (0.0, 0.3, 0.6)]


def gates(case: Case) -> tuple[Gate, ...]:
    """Of the interval that takes the overlap into account."""
    return (Gate("covered", 0.93, 1.0),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the interval holds the true n, with the overlap and without it, and whether it is open above."""
    rhos = [case.overlap * n / SIZES[-1] for n in SIZES]
    covered, this_pool, high_open = np.zeros((3, size))
    for i in range(size):
        truth, scores = study(case, rng)
        parts = placements(truth, scores.reshape(-1, len(truth)), np.arange(len(truth)))
        values, spread = parts.auc.reshape(-1, case.seeds), covariance(parts)
        _, low, high = label_equivalent(SIZES, values[:-1], values[-1], spread, (*rhos, rhos[0]))
        covered[i], high_open[i] = low <= equal() <= high, np.isposinf(high)
        _, low, high = label_equivalent(SIZES, values[:-1], values[-1], spread, (0.0,) * (len(SIZES) + 1))
        this_pool[i] = low <= equal() <= high
    return {"covered": covered, "covered, this pool": this_pool, "open above": high_open}


def study(case: Case, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The holdout's (N,) labels, and (5, S, N) scores: naive Bayes at every n, and the other arm at the first."""
    largest = SIZES[-1]
    images = case.seeds * largest if case.overlap == 0 else round(largest / case.overlap)
    pools = [learner.features(k, images, 2, rng) for k in range(2)]
    labels = np.arange(IMAGES) % 2
    holdout = np.empty((IMAGES, learner.FEATURES))
    for k in range(2):
        holdout[labels == k] = learner.features(k, IMAGES // 2, 2, rng)
    shuffled = [rng.permutation(images) for _ in range(2)]
    scores = np.empty((len(SIZES) + 1, case.seeds, IMAGES))
    for s in range(case.seeds):
        disjoint = case.overlap == 0
        rows = [order[s * largest : (s + 1) * largest] if disjoint else rng.permutation(images) for order in shuffled]
        for j, n in enumerate(SIZES):
            with_covariances, naive = learner.fit(np.stack([pool[r[:n]] for pool, r in zip(pools, rows, strict=True)]))
            scores[j, s] = holdout @ naive[0][1] + naive[1][1]
            if j == 0:
                scores[-1, s] = holdout @ with_covariances[0][1] + with_covariances[1][1]
    return labels.astype(np.float64), scores


@cache
def equal() -> float:
    """Where the true mean curve of naive Bayes, linear in log n between the measured n, equals the other arm."""
    rng = np.random.default_rng(0)
    areas = np.zeros((len(SIZES) + 1, TRUTHS))
    for i in range(TRUTHS):
        sample = np.stack([learner.features(k, SIZES[-1], 2, rng) for k in range(2)])
        for j, n in enumerate(SIZES):
            with_covariances, naive = learner.fit(sample[:, :n])
            areas[j, i] = learner.population_auroc(naive[0])
            if j == 0:
                areas[-1, i] = learner.population_auroc(with_covariances[0])
    means = areas.mean(axis=1)
    return float(equal_at(SIZES, means[None, :-1], means[-1:])[0])
