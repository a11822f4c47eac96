"""Predictions from a known truth: latent-normal scores of patients, training seeds and arms.

A score is the sum of a class effect, an image's difficulty that all arms and seeds share, one that the seeds of an arm
share, and noise, all of them alike within a patient; a training seed moves the class effect of its arm. So the true
AUROC of a new training sample on a new patient is known, and the coverage of intervals can be counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.groups import group_count

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is simulated.

    Attributes:
        auroc: (A,) the expected AUROC of each arm, over training seeds and patients.
        seeds: S.
        images: N.
        images_per_patient: 1 is independent images; else patients have 1 to 2m-1 images, m on average.
        prevalence: share of positive patients.
        seed_sd: SD over training seeds of an arm's class effect, on the scale where the noise has SD 1.
        seed_shared: share of that variance that the arms of one seed have in common.
        case_arms: share of the latent variance that an image keeps over arms and seeds.
        case_seeds: further share that it keeps over the seeds of one arm.
        patient: share of the latent variance that the images of a patient have in common.
    """

    auroc: tuple[float, ...] = (0.85, 0.85)
    seeds: int = 5
    images: int = 624
    images_per_patient: int = 1
    prevalence: float = 0.5
    seed_sd: float = 0.15
    seed_shared: float = 0.3
    case_arms: float = 0.4
    case_seeds: float = 0.2
    patient: float = 0.5


def simulate(truth: Truth, rng: np.random.Generator) -> Block:
    """One block of binary predictions. Scores are the latent values through a logistic function."""
    groups = _patients(truth, rng)
    patients = group_count(groups)
    sick = rng.permutation(patients) < max(2, round(truth.prevalence * patients))
    y = sick[groups].astype(np.float64)
    arms, seeds, images = len(truth.auroc), truth.seeds, len(groups)

    def correlated(*shape: int) -> Floats:
        """(*shape, N) unit normals, correlated within patients and independent along the leading axes."""
        if truth.images_per_patient == 1:
            return rng.standard_normal((*shape, images))
        patient = rng.standard_normal((*shape, patients))[..., groups]
        own = rng.standard_normal((*shape, images))
        return np.asarray(math.sqrt(truth.patient) * patient + math.sqrt(1 - truth.patient) * own)

    rest = 1 - truth.case_arms - truth.case_seeds
    latent = (
        math.sqrt(truth.case_arms) * correlated(1, 1)
        + math.sqrt(truth.case_seeds) * correlated(arms, 1)
        + math.sqrt(rest) * correlated(arms, seeds)
    )
    common, own = rng.standard_normal((1, seeds)), rng.standard_normal((arms, seeds))
    moved = truth.seed_sd * (math.sqrt(truth.seed_shared) * common + math.sqrt(1 - truth.seed_shared) * own)
    effect = np.array([class_effect(auroc, truth.seed_sd) for auroc in truth.auroc])
    latent = latent + (effect[:, None] + moved)[:, :, None] * y
    positive = 1 / (1 + np.exp(-(latent - effect[:, None, None] / 2)))
    return Block(
        dataset="simulated",
        n_per_class=100,
        task="binary",
        classes=("negative", "positive"),
        arms=tuple(f"arm {a}" for a in range(arms)),
        seeds=tuple(range(seeds)),
        sample_ids=np.array([f"image{i:06d}" for i in range(images)], dtype=object),
        groups=groups,
        truth=np.stack([1 - y, y], axis=1),
        scores=np.stack([1 - positive, positive], axis=-1)[:, :, None],
        rho=0.0,
        rho_known=True,
    )


def class_effect(auroc: float, seed_sd: float) -> float:
    """The mean class effect at which the expected AUROC over seeds is as asked.

    With effect delta ~ N(mu, sd^2), E[Phi(delta / sqrt 2)] = Phi(mu / sqrt(2 + sd^2)).
    """
    from scipy.stats import norm

    return float(norm.ppf(auroc) * math.sqrt(2 + seed_sd**2))


def _patients(truth: Truth, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """(N,) the patient of every image, rising from 0."""
    if truth.images_per_patient == 1:
        return np.arange(truth.images, dtype=np.intp)
    sizes = rng.integers(1, 2 * truth.images_per_patient, size=truth.images)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return groups[: truth.images].astype(np.intp)


def write_block(path: Path, block: Block, facts: dict[str, Any] | None = None) -> None:
    """Write a block as a predictions file in the documented form, with further facts of its data set."""
    import pandas as pd

    from benchmark.results import PREDICTION_COLUMNS, TableInfo, write_table

    frames = []
    shape = block.scores.shape[:3]
    for a, s, r in np.ndindex(*shape):
        frames.append(
            pd.DataFrame(
                {
                    "dataset": block.dataset,
                    "arm": block.arms[a],
                    "n_per_class": block.n_per_class,
                    "seed": block.seeds[s],
                    "refit": r,
                    "sample_id": block.sample_ids,
                    "group_id": [f"patient{g:06d}" for g in block.groups],
                    "y_true": list(block.truth.astype(np.float32)),
                    "y_score": list(block.scores[a, s, r].astype(np.float32)),
                }
            )
        )
    described = {"overlap": {str(block.n_per_class): block.rho}, "synthetic": True, **(facts or {})}
    info = TableInfo({block.dataset: block.classes}, {block.dataset: block.task}, {block.dataset: described})
    write_table(path, pd.concat(frames, ignore_index=True), PREDICTION_COLUMNS, info)
