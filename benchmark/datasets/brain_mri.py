"""Brain tumour MRI (Nickparvar, Kaggle): a source of medical pretraining; it has no patient ids.

brain_mri/{Training,Testing}/{glioma,meningioma,notumor,pituitary}/*.jpg
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot

NAME = "brain-mri"
TITLE = "Brain tumour MRI (Nickparvar): four classes, no patient ids"
FOLDER = "brain_mri"
REAL = True
CORPUS = True
VARIANT = ""
ORIGIN = Origin(
    source="Nickparvar 2021, Brain Tumor MRI Dataset, Kaggle, doi 10.34740/kaggle/dsv/2645886",
    licence="CC0",
    size="7,023 images, 7,200 in a later version; 160 MB or so",
    steps=(
        "download https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset (needs an account)",
        "unpack it as brain_mri/{Training,Testing} under the data root",
    ),
)

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")


def load(folder: Path, options: LoadOptions) -> Images:
    """Testing is the holdout, whatever is wanted; each image is a group of its own, as nothing tells the patient."""
    paths = sorted(images_in(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not paths:
        raise InputError(f"no images in {folder}: expected {{Training,Testing}}/{{{','.join(CLASSES)}}}/*.jpg.")
    for path in paths:
        if path.parent.name not in CLASSES:
            raise unknown_name(f"class folder in {folder}", path.parent.name, CLASSES)
    names = np.array([path.relative_to(folder).as_posix() for path in paths])
    files = ImageFiles(tuple(paths), channels=1)
    return Images(
        dataset=NAME,
        task="multiclass",
        classes=CLASSES,
        sample_ids=names,
        groups=names,
        groups_known=False,
        labels=one_hot([CLASSES.index(path.parent.name) for path in paths], len(CLASSES)),
        holdout=np.char.startswith(names, "Testing/"),
        holdout_kind="official",
        channels=1,
        flip=True,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, memory=options.memory),
        about=ORIGIN.about(TITLE),
    )
