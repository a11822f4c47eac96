"""Built in: synthetic radiographs with or without nodules, from a seed, so that anything runs anywhere.

Half of the patients have nodules, in each of their images. Networks trained on 50 images per class stay clearly above
chance and below the ceiling; see `images.radiographs` for what varies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import one_hot
from benchmark.images.radiographs import SIDE, Drawn
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
VERSION = 3  # raise it when the drawing changes


def load(folder: Path, options: LoadOptions) -> Images:
    """The patients of the holdout are others than those of the pool, for either choice of holdout."""
    rng = rng_for(options.root_seed, "patients", dataset=NAME)
    count = POOL_PATIENTS + HOLDOUT_PATIENTS
    images = rng.integers(*IMAGES_EACH, count, endpoint=True)
    ill = rng.permutation(np.arange(count) % 2)
    patients = np.repeat([f"patient{i:04d}" for i in range(count)], images)
    label = np.repeat(ill, images)
    findings = tuple(frozenset({"nodule"} if sick else ()) for sick in label)
    number = np.concatenate([np.arange(n) for n in images])
    return Images(
        dataset=NAME,
        task="binary",
        classes=CLASSES,
        sample_ids=np.array([f"{patient}-{i}" for patient, i in zip(patients, number, strict=True)]),
        groups=patients,
        groups_known=True,
        labels=one_hot(label, 2),
        holdout=np.repeat(np.arange(count) >= POOL_PATIENTS, images),
        holdout_kind="official",
        channels=1,
        flip=False,
        synthetic=True,
        read=Drawn(NAME, options.root_seed, patients, findings),
        fingerprint=f"{NAME} version {VERSION} seed {options.root_seed} side {SIDE}",
        about=ORIGIN.about(TITLE),
    )
