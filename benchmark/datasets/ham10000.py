"""HAM10000: Tschandl et al. 2018 (doi 10.7910/DVN/DBW86T), dermatoscopic images of seven skin lesions.

    HAM10000/HAM10000_metadata.csv            lesion_id,image_id,dx,dx_type,age,sex,localization
    HAM10000/HAM10000_images_part_{1,2}/ISIC_0024306.jpg ...

Many lesions have several images, so the group is the lesion. Where the test set of ISIC 2018 task 3 lies in
the same folder or beside it (its images, and its ground truth as CSV in either of its two forms), that is the
official holdout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError, unknown_name
from benchmark.images.attributes import attributes_of
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import header, marked_column, read_columns, with_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

NAME = "ham10000"
TITLE = "HAM10000: seven kinds of pigmented skin lesion, grouped by lesion"
FOLDER = "HAM10000"
FOLDERS = ("ham10000", "HAM10000_2018")
REAL = True
CORPUS = False
VARIANT = ""
ORIGIN = Origin(
    source="Tschandl et al. 2018, doi 10.1038/sdata.2018.161; data: doi 10.7910/DVN/DBW86T",
    licence="CC BY-NC 4.0",
    size="10,015 images, 2.9 GB",
    steps=(
        "download from https://doi.org/10.7910/DVN/DBW86T: HAM10000_metadata, HAM10000_images_part_1.zip and",
        "HAM10000_images_part_2.zip; for the official holdout ISIC2018_Task3_Test_Images.zip and",
        "ISIC2018_Task3_Test_GroundTruth.csv too",
        "unpack all of it under HAM10000/ in the data root",
    ),
    counts={
        "images": 10015,
        "groups": 7470,
        **{
            f"{what} of {name}": count
            for name, images, lesions in (
                ("akiec", 327, 228),
                ("bcc", 514, 327),
                ("bkl", 1099, 727),
                ("df", 115, 73),
                ("mel", 1113, 614),
                ("nv", 6705, 5403),
                ("vasc", 142, 98),
            )
            for what, count in (("images", images), ("groups", lesions))
        },
    },
    counted="grouped",
)

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
ATTRIBUTES = {"sex": "sex", "age": "age", "site": "localization"}  # -> column, where the table has it
METADATA = "HAM10000_metadata"
TEST = "ISIC2018_Task3_Test"
DATAVERSE = "https://dataverse.harvard.edu"


def load(folder: Path, options: LoadOptions) -> Images:
    """Lesions are never split; "official" is the ISIC 2018 test set where present, else half."""
    frame = _rows(folder, options.holdout)
    unknown = sorted(set(frame["dx"]) - set(CLASSES))
    if unknown:
        raise unknown_name(f"diagnosis in {folder}", unknown[0], CLASSES)
    labels = one_hot([CLASSES.index(dx) for dx in frame["dx"]], len(CLASSES))
    groups = frame["lesion_id"].to_numpy(dtype=str)
    held, kind = choose(
        options.holdout,
        frame["test"].to_numpy(dtype=bool) if frame["test"].any() else None,
        lambda: grouped(NAME, groups, labels, False, options.root_seed),
    )
    files = ImageFiles(tuple(frame["path"]), channels=3)
    return Images(
        dataset=NAME,
        task="multiclass",
        classes=CLASSES,
        sample_ids=frame["image_id"].to_numpy(dtype=str),
        groups=groups,
        groups_known=True,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=3,
        flip=True,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder.parent, extra=labels.tobytes().hex(), memory=options.memory),
        attributes=attributes_of(frame, ATTRIBUTES),
        about=ORIGIN.about(TITLE),
    )


def fetch(folder: Path, options: LoadOptions, say: Callable[[str], None]) -> None:
    """Bring images, metadata and the official test set from Harvard Dataverse, checked by its MD5 sums."""
    from benchmark.images.fetching import from_dataverse

    from_dataverse(
        DATAVERSE,
        "doi:10.7910/DVN/DBW86T",
        folder,
        wanted=("HAM10000_metadata", "HAM10000_images_part_1", "HAM10000_images_part_2", TEST + "_"),
        unwanted=("NatMed", "segmentation"),
        say=say,
    )


def _rows(folder: Path, wanted: str) -> pd.DataFrame:
    """All columns, and test, of HAM10000's images, and of the official test set where it is wanted."""
    import pandas as pd

    frame, test = _listed(folder), _official_test(folder)
    if test is None or wanted != "official":
        return frame.assign(test=False)
    both = pd.concat([frame.assign(test=False), test.assign(test=True)])
    return both.sort_values("image_id", kind="stable").reset_index(drop=True)


def _listed(folder: Path) -> pd.DataFrame:
    """lesion_id, image_id, dx, path and the attributes of HAM10000's own images, sorted by image."""
    table = next((path for path in sorted(folder.glob(f"{METADATA}*")) if path.is_file()), None)
    if table is None:
        raise InputError(f"no {METADATA}.csv in {folder}: it tells diagnosis and lesion of every image.")
    frame = read_columns(table, ("lesion_id", "image_id", "dx"), _attributes_in(table))
    paths = {path.stem: path for path in images_in(folder) if not path.parent.name.startswith("ISIC2018")}
    return with_paths(frame, "image_id", paths, table)


def _official_test(folder: Path) -> pd.DataFrame | None:
    """The same columns for the ISIC 2018 test set; None where its images or ground truth are missing."""
    import pandas as pd

    places = (folder, folder.parent)
    tables = [path for place in places for path in sorted(place.glob(f"{TEST}_GroundTruth*")) if path.is_file()]
    tables += [path for place in places for path in sorted(place.glob(f"{TEST}_GroundTruth*/*.csv")) if path.is_file()]
    folders = [path for place in places for path in sorted(place.glob(f"{TEST}_I*")) if path.is_dir()]
    if not tables or not folders:
        return None
    table = tables[0]
    if "dx" in header(table):  # Dataverse's form
        frame = read_columns(table, ("lesion_id", "image_id", "dx"), _attributes_in(table))
    else:  # ISIC's: one column a diagnosis with one 1.0 a row, and no lesions
        columns = [name.upper() for name in CLASSES]
        first = read_columns(table, ("image", *columns))
        frame = pd.DataFrame(
            {
                "lesion_id": "isic2018 " + first["image"],
                "image_id": first["image"],
                "dx": np.array(CLASSES)[marked_column(first, columns, table)],
            }
        )
    return with_paths(frame, "image_id", {path.stem: path for path in images_in(folders[0])}, table)


def _attributes_in(table: Path) -> list[str]:
    return [column for column in ATTRIBUTES.values() if column in header(table)]
