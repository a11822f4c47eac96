"""A real learner on a finite pool: whether the interval covers the mean over new training samples of the population.

The models are linear discriminants that are really fitted on subsamples, which share images as those of a benchmark do:
nothing is assumed about how training samples move a model. Features are normal, so that the AUROC of a fitted model on
the population has a closed form, and the truth is its mean over many training samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.form import Gate
from analysis.study.intervals import arm_interval
from analysis.study.scores import score
from benchmark import metrics

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

NAME = "learner"
TITLE = "A real learner on a finite pool"
NOTE = (
    "Linear discriminants of 8 correlated normal features, arm 0 with a pooled covariance that is shrunk to its "
    "diagonal by half, arm 1 without covariances (naive Bayes), are fitted on subsamples of a pool that is drawn "
    "anew in every study: 80 images a class of 2, 60 of 7. Two subsamples share the stated part of a class; overlap "
    "is measured and handed on as rho. 400 images in the holdout, macro AUROC. Coverage of the estimand 'the "
    "population' (new training sample, new patients) must lie in [.935, .965]. 'This pool' is the same interval with "
    "rho = 0, which answers another question and falls short here where subsamples overlap."
)
SIMULATIONS = 4000
BATCH = 20

FEATURES, IMAGES, CORRELATION, SHRINKAGE = 8, 400, 0.6, 0.5
SEPARATION = 0.35  # SD of the class means, a feature
TRUTHS = 4000  # training samples that the true means are taken over: their error is a fiftieth of an interval


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds, K classes, the overlap of two subsamples, and whether one class is used up by every one of them."""

    seeds: int
    classes: int
    overlap: float
    exhausted: bool = False

    @property
    def name(self) -> str:
        """For tables and random streams."""
        used_up = ", one class used up" if self.exhausted else ""
        return f"S={self.seeds} {self.classes} classes, overlap {self.overlap:g}{used_up}"

    @property
    def per_class(self) -> int:
        """Images a class in a training sample."""
        return 80 if self.classes == 2 else 60


def cases() -> list[Case]:
    """Overlaps by classes and seeds."""
    small = [Case(seeds, 2, overlap) for seeds in (3, 5, 10) for overlap in (0.0, 0.3, 0.6)]
    return small + [Case(seeds, 7, overlap, True) for seeds in (5, 10) for overlap in (0.0, 0.3, 0.6)]


def gates(case: Case) -> tuple[Gate, ...]:
    """Of the difference and of one arm.

    Where subsamples overlap, rho / (1 - rho) is a bound that is not reached, and what is too much there is known.
    """
    columns = ("difference", "one arm")
    if case.overlap == 0 and not case.exhausted:
        return tuple(Gate(column, 0.935, 0.965) for column in columns)
    bounds = [Gate(column, 0.935, 1.0) for column in columns]
    return (*bounds, *(Gate(column, 0.935, 0.965, known=True) for column in columns))


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the intervals hold the truth, and the overlap that was measured."""
    first, second = truths(case.classes)
    auroc = metrics.find("auroc")
    columns = {name: np.zeros(size) for name in ("difference", "one arm", "difference, this pool", "overlap")}
    for i in range(size):
        block = study(case, rng)
        scored = score(block, auroc)
        intervals = (
            ("difference", scored.pair(0, 1).interval(), second - first),
            ("one arm", arm_interval(scored, 0), first),
            ("difference, this pool", scored.pair(0, 1, "pool").interval(), second - first),
        )
        for name, (low, high), true in intervals:
            columns[name][i] = low <= true <= high
        columns["overlap"][i] = block.rho
    return columns


def study(case: Case, rng: np.random.Generator) -> Block:
    """One pool, S subsamples of it, both arms' models, and their scores on one holdout."""
    n, seeds, classes = case.per_class, case.seeds, case.classes
    pools, draws = [], []
    for k in range(classes):
        used_up = case.exhausted and k == classes - 1
        images = n if used_up else seeds * n if case.overlap == 0 else round(n / case.overlap)
        pools.append(features(k, images, classes, rng))
        if case.overlap == 0 and not used_up:
            draws.append(rng.permutation(images).reshape(seeds, n))
        else:
            draws.append(np.stack([rng.permutation(images)[:n] for _ in range(seeds)]))
    labels = rng.permutation(np.arange(IMAGES) % classes)
    holdout = np.empty((IMAGES, FEATURES))
    for k in range(classes):
        holdout[labels == k] = features(k, int((labels == k).sum()), classes, rng)
    scores = np.empty((2, seeds, 1, IMAGES, classes))
    for s in range(seeds):
        sample = np.stack([pool[drawn[s]] for pool, drawn in zip(pools, draws, strict=True)])
        for a, (weights, offsets) in enumerate(fit(sample)):
            scores[a, s, 0] = holdout @ weights.T + offsets
    return Block(
        dataset="simulated",
        n_per_class=n,
        task="binary" if classes == 2 else "multiclass",
        classes=tuple(f"class {k}" for k in range(classes)),
        arms=("shrunk covariance", "naive"),
        seeds=tuple(range(seeds)),
        sample_ids=np.array([f"image{i:04d}" for i in range(IMAGES)], dtype=object),
        groups=np.arange(IMAGES, dtype=np.intp),
        truth=np.eye(classes)[labels],
        scores=scores,
        rho=_overlap(draws),
        rho_known=True,
    )


def fit(sample: Floats) -> list[tuple[Floats, Floats]]:
    """Weights (K, F) and offsets (K,) of both arms' discriminants from a (K, n, F) training sample.

    A class's score is its discriminant less the mean of all, and so linear in the features.
    """
    means = sample.mean(axis=1)
    classes, n, features = sample.shape
    residuals = (sample - means[:, None]).reshape(-1, features)
    pooled = residuals.T @ residuals / (classes * (n - 1))
    diagonal = np.diag(np.diag(pooled))
    models = []
    for spread in ((1 - SHRINKAGE) * pooled + SHRINKAGE * diagonal, diagonal):
        weights = np.linalg.solve(spread, means.T).T
        offsets = -0.5 * np.einsum("kf,kf->k", weights, means)
        models.append((weights - weights.mean(axis=0), offsets - offsets.mean()))
    return models


@cache
def truths(classes: int) -> tuple[float, float]:
    """The mean population AUROC of both arms over training samples that share nothing."""
    rng = np.random.default_rng(0)
    n = Case(1, classes, 0.0).per_class
    areas = np.zeros((TRUTHS, 2))
    for i in range(TRUTHS):
        sample = np.stack([features(k, n, classes, rng) for k in range(classes)])
        areas[i] = [population_auroc(weights) for weights, _ in fit(sample)]
    first, second = areas.mean(axis=0)
    return float(first), float(second)


def population_auroc(weights: Floats) -> float:
    """Macro one-vs-rest AUROC of (K, F) linear scores on equally frequent classes, exact for normal features."""
    from scipy.stats import norm

    classes = len(weights)
    centres, spread = _population(classes)
    ranked = range(1, 2) if classes == 2 else range(classes)
    areas = []
    for k in ranked:
        others = [c for c in range(classes) if c != k]
        gaps = weights[k] @ (centres[k] - centres[others]).T
        areas.append(norm.cdf(gaps / math.sqrt(2 * weights[k] @ spread @ weights[k])).mean())
    return float(np.mean(areas))


@cache
def _population(classes: int) -> tuple[Floats, Floats]:
    """(K, F) means and the (F, F) covariance that the classes have in common."""
    places = np.arange(FEATURES)
    spread = CORRELATION ** np.abs(places[:, None] - places[None])
    centres = SEPARATION * np.random.default_rng(classes).standard_normal((classes, FEATURES))
    return centres, spread


def features(k: int, images: int, classes: int, rng: np.random.Generator) -> Floats:
    """(images, F) of class k of as many."""
    centres, spread = _population(classes)
    return np.asarray(centres[k] + rng.standard_normal((images, FEATURES)) @ np.linalg.cholesky(spread).T)


def _overlap(draws: list[Integers]) -> float:
    """The measured share of a subsample that another holds too: the mean over pairs of seeds, classes by their part."""
    shared, total = 0, 0
    for drawn in draws:
        seeds, n = drawn.shape
        for s in range(seeds):
            for t in range(s):
                shared += len(np.intersect1d(drawn[s], drawn[t], assume_unique=True))
                total += n
    return shared / total
