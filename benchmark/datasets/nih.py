"""NIH ChestX-ray14 (Wang et al. 2017), or a sample of it: a source of medical pretraining, grouped by patient.

The folder holds the images at any depth, and a CSV with NIH's columns ``Image Index``, ``Finding Labels`` (joined
by ``|``) and ``Patient ID``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.datasets.contract import Images, LoadOptions
from benchmark.datasets.files import ImageFiles, images_in
from benchmark.datasets.holdout import grouped
from benchmark.errors import InputError

NAME = "nih"
TITLE = "NIH ChestX-ray14: fourteen findings, grouped by patient"
FOLDER = "nih_sample"
REAL = True
CORPUS = True

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
NONE = "No Finding"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")


def load(root: Path | None, options: LoadOptions) -> Images:
    """The images that both the CSV and the folder have; half of the patients are marked as the holdout."""
    import pandas as pd

    assert root is not None
    table = _table(root)
    frame = pd.read_csv(table, usecols=list(COLUMNS), dtype=str).drop_duplicates("Image Index")
    frame = frame.set_index("Image Index").sort_index()
    paths = {path.name: path for path in images_in(root)}
    frame = frame[frame.index.isin(list(paths))]
    if frame.empty:
        raise InputError(f"none of the images that {table} lists is under {root}: unpack them there.")
    lists = frame["Finding Labels"].str.split("|")
    unknown = sorted({label for labels in lists for label in labels} - {*FINDINGS, NONE})
    if unknown:
        raise InputError(f"{table}: unknown entries in 'Finding Labels': {', '.join(unknown[:5])}.")
    labels = np.array([[finding in found for finding in FINDINGS] for found in lists], dtype=np.float32)
    groups = frame["Patient ID"].to_numpy(dtype=str)
    files = ImageFiles(tuple(paths[name] for name in frame.index), channels=1)
    return Images(
        dataset=NAME,
        task="multilabel",
        classes=FINDINGS,
        sample_ids=frame.index.to_numpy(dtype=str),
        groups=groups,
        labels=labels,
        holdout=grouped(NAME, groups, labels, True, options.root_seed),
        channels=1,
        mirror=False,
        read=files,
        fingerprint=files.fingerprint(root, extra=labels.tobytes().hex()),
        facts={
            "title": TITLE,
            "holdout": "grouped",
            "source": "Wang et al. 2017, ChestX-ray8",
            "licence": "no restriction; cite Wang et al. 2017",
            "synthetic": False,
        },
    )


def _table(root: Path) -> Path:
    for path in sorted(root.rglob("*.csv")):
        with path.open(encoding="utf-8") as file:
            header = file.readline()
        if all(column in header for column in COLUMNS):
            return path
    raise InputError(f"no CSV in {root} has the columns {', '.join(COLUMNS)}: put Data_Entry_2017.csv there.")
