"""Chest X-ray Pneumonia: Kermany et al. 2018 (doi 10.17632/rscbjbr9sj), children of one to five years.

chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "chest-xray"
TITLE = "Chest X-ray Pneumonia (Kermany): normal or pneumonia, grouped by patient"
FOLDER = "chest_xray"
REAL = True
CORPUS = False
VARIANT = ""
ORIGIN = Origin(
    source="Kermany et al. 2018, doi 10.1016/j.cell.2018.02.010; data: doi 10.17632/rscbjbr9sj",
    licence="CC BY 4.0",
    size="5,856 images, 1.2 GB",
    steps=(
        "download ChestXRay2017.zip from https://data.mendeley.com/datasets/rscbjbr9sj, or the same images from",
        "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
        "unpack it, so that chest_xray/{train,test}/{NORMAL,PNEUMONIA} are under the data root",
    ),
    counts={
        "images": 5856,
        "images of NORMAL": 1583,
        "images of PNEUMONIA": 4273,
        "holdout images of NORMAL": 234,
        "holdout images of PNEUMONIA": 390,
        "pool groups of NORMAL": 1219,
        "pool groups of PNEUMONIA": 2450,
        "holdout groups of NORMAL": 225,
        "holdout groups of PNEUMONIA": 203,
    },
)

ARCHIVE = (
    "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/f12eaf6d-6023-432f-acc9-80c9d7393433/"
    "file_downloaded"
)
CLASSES = ("NORMAL", "PNEUMONIA")
SPLITS = ("train", "val", "test")

_SICK = re.compile(r"person(\d+)_(bacteria|virus)_\d+(?:_\d+)?$")
_WELL = re.compile(r"(NORMAL2-)?IM-(\d+)-\d+(?:-\d+)?$")


def load(folder: Path, options: LoadOptions) -> Images:
    """The official test set is the holdout; train and val are the pool ("grouped": half of all patients)."""
    paths = []
    for split in SPLITS:
        if not (folder / split).is_dir():
            if split == "val":  # only in the copies that Kaggle distributes
                continue
            raise InputError(f"no {split}/ in {folder}: expected {{train,val,test}}/{{NORMAL,PNEUMONIA}}.")
        for class_folder in sorted(path for path in (folder / split).iterdir() if path.is_dir()):
            if class_folder.name not in CLASSES and not class_folder.name.startswith("."):
                raise unknown_name(f"class folder in {folder / split}", class_folder.name, CLASSES)
            paths += images_in(class_folder)
    if not paths:
        raise InputError(f"no images in {folder}: expected {{train,val,test}}/{{NORMAL,PNEUMONIA}}/*.jpeg.")
    paths.sort(key=lambda path: path.relative_to(folder).as_posix())
    groups = np.array([patient(path) for path in paths])
    labels = one_hot([CLASSES.index(path.parent.name) for path in paths], 2)
    official = np.array([path.relative_to(folder).parts[0] == "test" for path in paths])
    held, kind = choose(options.holdout, official, lambda: grouped(NAME, groups, labels, False, options.root_seed))
    files = ImageFiles(tuple(paths), channels=1)
    return Images(
        dataset=NAME,
        task="binary",
        classes=CLASSES,
        sample_ids=np.array([path.relative_to(folder).as_posix() for path in paths]),
        groups=groups,
        groups_known=True,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=1,
        flip=False,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, memory=options.memory),
        about=ORIGIN.about(TITLE),
    )


def fetch(folder: Path, options: LoadOptions, say: Callable[[str], None]) -> None:
    """Bring the archive from Mendeley Data and unpack it; `check` then counts what came."""
    from benchmark.images.fetching import download, unpack

    archive = folder.parent / "ChestXRay2017.zip"
    download(ARCHIVE, archive, say)
    unpack(archive, folder, say)


def patient(path: Path) -> str:
    """The patient that a file name tells.

    Sick children are numbered once for bacteria and once for virus; the well ones have two series, with and
    without the prefix ``NORMAL2``. The number alone would join different children.

    Raises:
        InputError: a name of another form.
    """
    if match := _SICK.match(path.stem):
        return f"{match[2]} {int(match[1])}"
    if match := _WELL.match(path.stem):
        return f"{'normal2' if match[1] else 'normal'} {int(match[2])}"
    raise InputError(
        f"{path}: no patient in this name. Kermany's files are called person12_virus_34.jpeg, "
        "IM-0115-0001.jpeg or NORMAL2-IM-1427-0001.jpeg; for images of your own use the data set 'folder:PATH'."
    )
