"""ISIC 2019, the training part: BCN20000's and HAM10000's images together with older ones of the ISIC Archive.

    ISIC_2019/ISIC_2019_Training_GroundTruth.csv     image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK (one 1.0 a row)
    ISIC_2019/ISIC_2019_Training_Metadata.csv        image,age_approx,anatom_site_general,lesion_id,sex
    ISIC_2019/ISIC_2019_Training_Input/ISIC_0000000.jpg ...

The group is the lesion; an image without a lesion's id is one of its own, which may be wrong. Where a lesion's id comes
from begins it (BCN_, HAM_, MSK4_), and what follows the colon chooses among these sources:

    sources=bcn+ham+msk+none     none: the images without an id; default: all

The test part is not read.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import marked_column, read_columns, with_paths

if TYPE_CHECKING:
    import pandas as pd

NAME = "isic2019"
TITLE = "ISIC 2019 (training part): eight kinds of skin lesion from several clinics, grouped by lesion"
FOLDER = "ISIC_2019"
FOLDERS = ("ISIC2019", "isic2019", "ISIC_2019_Training")
REAL = True
CORPUS = False
VARIANT = "[sources=bcn+ham+msk+none]"

SOURCES = ("bcn", "ham", "msk", "none")
#: Of which data sets the images of a source are.
IMAGES_OF = {"bcn": "bcn20000", "ham": "ham10000"}


def _variants() -> dict[str, tuple[str, ...]]:
    """Variant -> names of the data sets that its images are of, for every choice of sources."""
    choices = [chosen for count in range(1, len(SOURCES)) for chosen in combinations(SOURCES, count)]
    made_of = {f"sources={'+'.join(chosen)}": chosen for chosen in choices} | {"": SOURCES}
    return {text: tuple(IMAGES_OF[name] for name in chosen if name in IMAGES_OF) for text, chosen in made_of.items()}


ORIGIN = Origin(
    source="ISIC 2019 challenge: Combalia et al. 2019, arXiv 1908.02288; Tschandl et al. 2018, doi "
    "10.1038/sdata.2018.161; Codella et al. 2018, arXiv 1710.05006",
    licence="CC BY-NC 4.0",
    size="25,331 images, 9.1 GB",
    steps=(
        "download ISIC_2019_Training_Input.zip, ISIC_2019_Training_GroundTruth.csv and",
        "ISIC_2019_Training_Metadata.csv from https://challenge.isic-archive.com/data/#2019",
        "unpack all of it under ISIC_2019/ in the data root",
    ),
    counts={
        "images": 25_331,
        "images of AK": 867,
        "images of BCC": 3323,
        "images of BKL": 2624,
        "images of DF": 239,
        "images of MEL": 4522,
        "images of NV": 12_875,
        "images of SCC": 628,
        "images of VASC": 253,
    },
    counted="grouped",
    images_of=_variants(),
)
#: As a test set from elsewhere, by the data set that was learned from (`benchmark.external`), without its own images.
EXTERNAL = {
    "ham10000": "isic2019:sources=bcn+msk+none::akiec=AK,bcc=BCC,bkl=BKL,df=DF,mel=MEL,nv=NV,vasc=VASC",
}

CLASSES = ("AK", "BCC", "BKL", "DF", "MEL", "NV", "SCC", "VASC")
UNKNOWN = "UNK"  # a class of the test part; no image of the training part has it
TRUTH, METADATA = "ISIC_2019_Training_GroundTruth.csv", "ISIC_2019_Training_Metadata.csv"


def canonical(variant: str) -> str:
    """The sources in one order; all of them is no choice.

    Raises:
        InputError: an unknown choice or source.
    """
    key, _, value = variant.partition("=")
    if key != "sources":
        raise unknown_name("choice of isic2019", key, ("sources",))
    chosen = value.split("+")
    for name in chosen:
        if name not in SOURCES:
            raise unknown_name("source of isic2019", name, SOURCES)
    return "" if set(chosen) == set(SOURCES) else f"sources={'+'.join(name for name in SOURCES if name in chosen)}"


def load(folder: Path, options: LoadOptions) -> Images:
    """Lesions are never split; there is no official test that is read, so half is held out."""
    frame = _rows(folder)
    listed = len(frame)
    if options.variant:
        wanted = options.variant.removeprefix("sources=").split("+")
        frame = frame[frame["source"].isin(wanted)].reset_index(drop=True)
        if frame.empty:
            raise InputError(f"{folder}: no image comes from {', '.join(wanted)}.")
    labels = one_hot(frame["class"].to_numpy(dtype=np.intp), len(CLASSES))
    groups = frame["lesion"].to_numpy(dtype=str)
    held, kind = choose(options.holdout, None, lambda: grouped(NAME, groups, labels, False, options.root_seed))
    files = ImageFiles(tuple(frame["path"]), channels=3)
    complete = not options.variant
    part = f"{len(frame):,} images, of {listed:,}: those with {options.variant}"
    return Images(
        dataset=NAME + (f":{options.variant}" if options.variant else ""),
        task="multiclass",
        classes=CLASSES,
        sample_ids=frame["image"].to_numpy(dtype=str),
        groups=groups,
        groups_known=True,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=3,
        flip=True,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, extra=labels.tobytes().hex(), memory=options.memory),
        complete=complete,
        about=ORIGIN.about(TITLE)
        | {"lesions": f"unknown for {int((frame['source'] == 'none').sum()):,} images, each taken as one of its own"}
        | ({} if complete else {"part": part}),
    )


def _rows(folder: Path) -> pd.DataFrame:
    """image, path, class, lesion and source of every image, sorted by image."""
    for name in (TRUTH, METADATA):
        if not (folder / name).is_file():
            raise InputError(f"no {name} in {folder}: the ground truth tells diagnoses, the metadata lesions.")
    truth = read_columns(folder / TRUTH, ("image", *CLASSES, UNKNOWN))
    columns = marked_column(truth, (*CLASSES, UNKNOWN), folder / TRUTH)
    if (columns == len(CLASSES)).any():
        name = truth["image"][columns == len(CLASSES)].iloc[0]
        raise InputError(f"{folder / TRUTH}: '{name}' is {UNKNOWN}, as none of the training part is.")
    frame = truth[["image"]].assign(**{"class": columns})
    frame = with_paths(frame, "image", {path.stem: path for path in images_in(folder)}, folder / TRUTH)
    lesions = read_columns(folder / METADATA, ("image",), ("lesion_id",)).drop_duplicates("image")
    lesion = frame["image"].map(lesions.set_index("image")["lesion_id"])
    source = lesion.str.extract(r"^([A-Z]+)\d*_", expand=False).str.lower().fillna("none")
    strange = sorted(set(source) - set(SOURCES))
    if strange:
        raise unknown_name(f"source of lesions in {folder / METADATA}", strange[0], SOURCES)
    return frame.assign(lesion=lesion.fillna("image " + frame["image"]), source=source)
