"""Built in: the broader synthetic corpus that the built-in comparison pretrains its medical arm on.

Other patients than `phantom`'s, and other findings: no nodules.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.holdout import grouped
from benchmark.images.radiographs import FINDINGS, SIDE, Drawn
from benchmark.seeds import rng_for

NAME = "phantom-corpus"
TITLE = "SYNTHETIC radiographs with five findings other than nodules (built in)"
FOLDER = None
REAL = False
CORPUS = True
VARIANT = ""
ORIGIN = Origin("generated", "none needed", "4,500 images, nothing to fetch")

CLASSES = tuple(finding for finding in FINDINGS if finding != "nodule")
PATIENTS, IMAGES_EACH = 1500, 3
PREVALENCE = 0.2  # of each finding
VERSION = 2


def load(folder: Path, options: LoadOptions) -> Images:
    """Multi-label; findings belong to the patient. The holdout is a tenth of the patients, whatever is wanted."""
    rng = rng_for(options.root_seed, "patients", dataset=NAME)
    present = rng.random((PATIENTS, len(CLASSES))) < PREVALENCE
    labels = np.repeat(present, IMAGES_EACH, axis=0).astype(np.float32)
    patients = np.repeat([f"corpus{i:04d}" for i in range(PATIENTS)], IMAGES_EACH)
    findings = tuple(frozenset(np.array(CLASSES)[row > 0].tolist()) for row in labels)
    return Images(
        dataset=NAME,
        task="multilabel",
        classes=CLASSES,
        sample_ids=np.array([f"{patient}-{i % IMAGES_EACH}" for i, patient in enumerate(patients)]),
        groups=patients,
        groups_known=True,
        labels=labels,
        holdout=grouped(NAME, patients, labels, True, options.root_seed, share=10),
        holdout_kind="grouped",
        channels=1,
        flip=False,
        synthetic=True,
        read=Drawn(NAME, options.root_seed, patients, findings),
        fingerprint=f"{NAME} version {VERSION} seed {options.root_seed} side {SIDE}",
        about=ORIGIN.about(TITLE),
    )
