"""One arm's interval where little is known of one class: few patients, many images of each, labels missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.form import Gate
from analysis.simulation.simulate import class_effect
from analysis.study.intervals import arm_interval
from analysis.study.scores import score
from benchmark import metrics

Floats = npt.NDArray[np.float64]

NAME = "few_positives"
TITLE = "Few positive patients, large clusters, missing labels"
NOTE = (
    "One arm, and 220 patients, each with one image or with 1 to 30 that are alike (half of the variance is the "
    "patient's). One label, or three whose macro AUROC is taken; where labels are missing, each image lacks each "
    "label with probability .4. Coverage of the 95% interval of the arm must be .93 at least; the interval may cover "
    "more, as Newcombe's variance is meant for the worst case."
)
SIMULATIONS = 2000
BATCH = 25

PATIENTS, SEED_SD = 220, 0.15
CASE, PATIENT = 0.6, 0.5  # shares of the latent variance: an image's, over seeds; and a patient's, of either part


@dataclass(frozen=True, slots=True)
class Case:
    """What is scarce.

    Attributes:
        seeds: S.
        auroc: true AUROC of every label.
        positives: positive patients of every label.
        images: the largest number of images of a patient; they are uniform from 1.
        labels: 1 or more.
        missing: probability that an image lacks a label.
    """

    seeds: int
    auroc: float
    positives: int
    images: int = 1
    labels: int = 1
    missing: float = 0.0

    @property
    def name(self) -> str:
        """For tables and random streams."""
        clusters = f", up to {self.images} images" if self.images > 1 else ""
        labels = f", {self.labels} labels" if self.labels > 1 else ""
        missing = f", {self.missing:.0%} missing" if self.missing else ""
        return f"S={self.seeds} AUROC={self.auroc:g}, {self.positives} positive patients{clusters}{labels}{missing}"


def cases() -> list[Case]:
    """Each alone, and all together."""
    return [
        Case(5, 0.85, 20),
        Case(5, 0.95, 20),
        Case(5, 0.994, 20),
        Case(10, 0.994, 20),
        Case(5, 0.85, 20, images=30),
        Case(5, 0.994, 20, images=30),
        Case(5, 0.95, 20, labels=3),
        Case(5, 0.994, 20, labels=3),
        Case(5, 0.85, 80, labels=3, missing=0.4),
        Case(5, 0.95, 20, images=30, labels=3, missing=0.4),
        Case(3, 0.95, 20, images=30, labels=3, missing=0.4),
    ]


def gates(case: Case) -> tuple[Gate, ...]:
    """Of the interval that the report prints."""
    return (Gate("covered", 0.93, 1.0),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the interval holds the true AUROC, on which side not, and its width."""
    auroc = metrics.find("auroc")
    intervals = np.array([arm_interval(score(simulated(case, rng), auroc), 0) for _ in range(size)])
    low, high = intervals.T
    return {
        "covered": ((low <= case.auroc) & (case.auroc <= high)).astype(np.float64),
        "truth below": (case.auroc < low).astype(np.float64),
        "truth above": (case.auroc > high).astype(np.float64),
        "width": high - low,
    }


def simulated(case: Case, rng: np.random.Generator) -> Block:
    """One arm's predictions; every label has its own sick patients, and the same patients have it all."""
    sizes = rng.integers(1, case.images + 1, size=PATIENTS)
    groups = np.repeat(np.arange(PATIENTS), sizes)
    images = len(groups)

    def noise(seeds: int) -> Floats:
        """(seeds, N) unit normals, alike within patients."""
        own = rng.standard_normal((seeds, images))
        if case.images == 1:
            return own
        shared = rng.standard_normal((seeds, PATIENTS))[:, groups]
        return np.asarray(math.sqrt(PATIENT) * shared + math.sqrt(1 - PATIENT) * own)

    effect = class_effect(case.auroc, SEED_SD) + SEED_SD * rng.standard_normal(case.seeds)
    truth, scores = np.empty((images, case.labels)), np.empty((case.seeds, images, case.labels))
    for k in range(case.labels):
        truth[:, k] = (rng.permutation(PATIENTS) < case.positives)[groups]
        latent = math.sqrt(CASE) * noise(1) + math.sqrt(1 - CASE) * noise(case.seeds)
        scores[:, :, k] = 1 / (1 + np.exp(-(latent + effect[:, None] * truth[:, k])))
    truth[rng.random(truth.shape) < case.missing] = np.nan
    if case.labels == 1:
        truth, scores = np.stack([1 - truth[:, 0], truth[:, 0]], 1), np.stack([1 - scores[..., 0], scores[..., 0]], -1)
    return Block(
        dataset="simulated",
        n_per_class=100,
        task="binary" if case.labels == 1 else "multilabel",
        classes=("negative", "positive") if case.labels == 1 else tuple(f"label {k}" for k in range(case.labels)),
        arms=("arm",),
        seeds=tuple(range(case.seeds)),
        sample_ids=np.array([f"image{i:06d}" for i in range(images)], dtype=object),
        groups=groups,
        truth=truth,
        scores=scores[None, :, None],
        rho=0.0,
        rho_known=True,
    )
