"""NIH ChestX-ray14 (Wang et al. 2017), or a sample of it: a source of pretraining, grouped by patient.

The folder holds the images at any depth, and a CSV with NIH's columns ``Image Index``, ``Finding Labels`` (joined by
``|``) and ``Patient ID``. Where NIH's ``test_list.txt`` lies beside it, that is the official holdout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.errors import InputError
from benchmark.images.attributes import attributes_of
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import header, read_columns

NAME = "nih"
TITLE = "NIH ChestX-ray14: fourteen findings, grouped by patient"
FOLDER = "nih"
FOLDERS = ("NIH", "ChestX-ray14", "CXR8", "nih_sample")
REAL = True
CORPUS = True
VARIANT = ""
ORIGIN = Origin(
    source="Wang et al. 2017, ChestX-ray8, doi 10.1109/CVPR.2017.369",
    licence="no restriction; cite Wang et al. 2017 and acknowledge the NIH Clinical Center",
    size="112,120 images, 42 GB",
    steps=(
        "download images_001.tar.gz to images_012.tar.gz, Data_Entry_2017_v2020.csv and test_list.txt from",
        "https://nihcc.app.box.com/v/ChestXray-NIHCC",
        "unpack all of it under nih/ in the data root",
    ),
    counts={"images": 112_120, "groups": 30_805},
)

#: As a test set from elsewhere, by the data set that was learned from (`benchmark.external`).
EXTERNAL = {
    "chest-xray": "nih::NORMAL=No Finding,PNEUMONIA=Pneumonia",
    "chexpert": "nih::Atelectasis=Atelectasis,Cardiomegaly=Cardiomegaly,Consolidation=Consolidation,Edema=Edema,"
    "Pleural Effusion=Effusion",
}

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
WEAK = "weak: taken from radiologists' reports by a program, and never checked against the images"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
ATTRIBUTES = {"sex": "Patient Gender", "age": "Patient Age", "view": "View Position"}  # -> column
TEST = "test_list.txt"


def load(folder: Path, options: LoadOptions) -> Images:
    """The images that CSV and folder both have; half of the patients are held out, or NIH's test."""
    table = _table(folder)
    maybe = [column for column in ATTRIBUTES.values() if column in header(table)]
    frame = read_columns(table, COLUMNS, maybe).drop_duplicates("Image Index")
    frame = frame.set_index("Image Index").sort_index()
    listed = len(frame)
    paths = {path.name: path for path in images_in(folder)}
    frame = frame[frame.index.isin(list(paths))]
    if frame.empty:
        raise InputError(f"none of the images that {table} lists is under {folder}: unpack them there.")
    lists = frame["Finding Labels"].str.split("|")
    unknown = sorted({label for stated in lists for label in stated} - {*FINDINGS, NONE})
    if unknown:
        raise InputError(f"{table}: unknown entries in 'Finding Labels': {', '.join(unknown[:5])}.")
    labels = np.array([[finding in stated for finding in FINDINGS] for stated in lists], dtype=np.float32)
    groups = frame["Patient ID"].to_numpy(dtype=str)
    test = next(iter(sorted(folder.rglob(TEST))), None)
    held, kind = choose(
        options.holdout,
        None if test is None else frame.index.isin(test.read_text(encoding="utf-8", errors="replace").split()),
        lambda: grouped(NAME, groups, labels, True, options.root_seed),
    )
    files = ImageFiles(tuple(paths[name] for name in frame.index), channels=1)
    published = ORIGIN.counts["images"]
    complete = len(frame) == published
    part = f"{len(frame):,} images, of {listed:,} in the CSV and {published:,} in all"
    return Images(
        dataset=NAME,
        task="multilabel",
        classes=FINDINGS,
        sample_ids=frame.index.to_numpy(dtype=str),
        groups=groups,
        groups_known=True,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=1,
        flip=False,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, extra=labels.tobytes().hex(), memory=options.memory),
        complete=complete,
        attributes=attributes_of(frame, ATTRIBUTES),
        about=ORIGIN.about(TITLE, labels=WEAK) | ({} if complete else {"part": part}),
    )


def _table(folder: Path) -> Path:
    for path in sorted(folder.rglob("*.csv")):
        if set(COLUMNS) <= set(header(path)):
            return path
    raise InputError(f"no CSV in {folder} has the columns {', '.join(COLUMNS)}: put Data_Entry_2017.csv there.")
