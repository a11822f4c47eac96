"""Built in: synthetic radiographs with or without nodules, from a seed, so that anything runs anywhere.

Half of the patients have nodules, in each of their images. A small CNN trained from scratch on 100 images per
class stays clearly below the ceiling; see `chest_phantom` for what varies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import one_hot
from benchmark.images.radiographs import SIDE, chest, radiograph
from benchmark.seeds import rng_for

NAME = "phantom"
TITLE = "SYNTHETIC radiographs with or without nodules (built in)"
FOLDER = None
REAL = False
CORPUS = False
VARIANT = ""
ORIGIN = Origin("generated", "none needed", "3,750 images or so, nothing to fetch")

CLASSES = ("clear", "nodule")
POOL_PATIENTS, HOLDOUT_PATIENTS = 1200, 300
IMAGES_EACH = (1, 4)  # images of a patient, both ends included
VERSION = 2  # raise it when the drawing changes


@dataclass(frozen=True)
class Drawn:
    """Draws image `index` of a synthetic data set, always the same."""

    dataset: str
    root_seed: int
    patients: npt.NDArray[np.str_]
    findings: tuple[frozenset[str], ...]

    def __call__(self, index: int) -> npt.NDArray[np.uint8]:
        """(SIDE, SIDE) uint8."""
        build = chest(rng_for(self.root_seed, "patient", dataset=self.dataset, patient=str(self.patients[index])))
        rng = rng_for(self.root_seed, "image", dataset=self.dataset, index=index)
        return radiograph(build, self.findings[index], rng)


def load(root: Path | None, options: LoadOptions) -> Images:
    """The patients of the holdout are others than those of the pool, for either choice of holdout."""
    rng = rng_for(options.root_seed, "patients", dataset=NAME)
    count = POOL_PATIENTS + HOLDOUT_PATIENTS
    each = rng.integers(*IMAGES_EACH, count, endpoint=True)
    ill = rng.permutation(np.arange(count) % 2)
    patients = np.repeat([f"patient{i:04d}" for i in range(count)], each)
    label = np.repeat(ill, each)
    findings = tuple(frozenset({"nodule"} if sick else ()) for sick in label)
    number = np.concatenate([np.arange(n) for n in each])
    return Images(
        dataset=NAME,
        task="binary",
        classes=CLASSES,
        sample_ids=np.array([f"{patient}-{i}" for patient, i in zip(patients, number, strict=True)]),
        groups=patients,
        labels=one_hot(label, 2),
        holdout=np.repeat(np.arange(count) >= POOL_PATIENTS, each),
        channels=1,
        mirror=False,
        read=Drawn(NAME, options.root_seed, patients, findings),
        fingerprint=f"{NAME} version {VERSION} seed {options.root_seed} side {SIDE}",
        facts=ORIGIN.facts(TITLE, "official") | {"synthetic": True},
    )
