"""CheXpert: Irvin et al. 2019, chest radiographs of adults with fourteen findings, some of them uncertain.

    CheXpert-v1.0-small/{train,valid}.csv     (or CheXpert-v1.0; test.csv or test_labels.csv where you have it)
    CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg ...

What follows the colon chooses, for example ``chexpert:uncertain=zeros:labels=edema+pleural-effusion``:

    labels=A+B+...            of the fourteen; default: the five of the competition
    uncertain=ignore|ones|zeros    a -1 is unknown (default), positive, or negative
    blank=zero|ignore         an empty cell is negative (default), or unknown
    views=frontal|all         default: frontal only

The choices for uncertain labels hold for the pool. In the holdout they are always unknown: nothing can be
measured against a label that its owner did not settle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, unknown_name
from benchmark.images.attributes import attributes_of
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import header, inside, read_columns

if TYPE_CHECKING:
    import pandas as pd

NAME = "chexpert"
TITLE = "CheXpert: chest radiographs with five findings (of fourteen), grouped by patient"
FOLDER = "CheXpert-v1.0-small"
FOLDERS = ("CheXpert-v1.0", "CheXpert", "chexpert")
REAL = True
CORPUS = False
VARIANT = "[labels=A+B:uncertain=ignore|ones|zeros:blank=zero|ignore:views=frontal|all]"
ORIGIN = Origin(
    source="Irvin et al. 2019, CheXpert, doi 10.1609/aaai.v33i01.3301590",
    licence="Stanford University Dataset Research Use Agreement: no redistribution",
    size="223,648 images, 11 GB (small) or 439 GB",
    steps=(
        "register at https://stanfordaimi.azurewebsites.net and accept the agreement for CheXpert",
        "download CheXpert-v1.0-small.zip or CheXpert-v1.0.zip (its licence lets no program do it for you)",
        "unpack it, so that CheXpert-v1.0-small/train.csv is under the data root",
    ),
    counts={"pool images": 191_027},  # the frontal ones of 223,414
)
#: As a test set from elsewhere, by the data set that was learned from (`benchmark.external`).
EXTERNAL = {
    "chest-xray": "chexpert:labels=no-finding+pneumonia+lung-opacity::NORMAL=No Finding,"
    "PNEUMONIA=Pneumonia+Lung Opacity",
}

FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
COMPETITION = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
#: choice -> its values, the default first.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "uncertain": ("ignore", "ones", "zeros"),
    "blank": ("zero", "ignore"),
    "views": ("frontal", "all"),
}
WEAK = "weak in the pool: taken from radiologists' reports by a program; the official tests are read by experts"
SEX, AGE, SIDE = "Sex", "Age", "AP/PA"  # columns that a table may lack
TESTS = ("test.csv", "test_labels.csv", "valid.csv")  # read by experts, the best first
HELD_OUT = 3200  # patients, without one of them; of fewer than twice as many, half


@dataclass(frozen=True, slots=True)
class Choices:
    """What the variant says; see the module's docstring."""

    labels: tuple[str, ...]
    uncertain: str
    blank: str
    views: str


def choices(variant: str) -> Choices:
    """Read a variant.

    Raises:
        InputError: an unknown key, value or finding, with the near miss.
    """
    given: dict[str, str] = {}
    labels: tuple[str, ...] = COMPETITION
    for item in filter(None, variant.split(":")):
        key, _, value = item.partition("=")
        if key not in ("labels", *CHOICES):
            raise unknown_name("choice of chexpert", key, ("labels", *CHOICES))
        if key in CHOICES and value not in CHOICES[key]:
            raise unknown_name(f"value of chexpert's '{key}'", value, CHOICES[key])
        given[key] = value
    if "labels" in given:
        by_key = {_key(name): name for name in FINDINGS}
        wanted = [_key(name) for name in given["labels"].split("+")]
        for name in wanted:
            if name not in by_key:
                raise unknown_name("finding of chexpert", name, by_key)
        labels = tuple(by_key[name] for name in dict.fromkeys(wanted))
    first = {key: given.get(key, values[0]) for key, values in CHOICES.items()}
    return Choices(labels, first["uncertain"], first["blank"], first["views"])


def load(folder: Path, options: LoadOptions) -> Images:
    """Multi-label; the official holdout is the expert-read test or validation set, whichever is there."""
    chosen = choices(options.variant)
    frame, official = _rows(folder, chosen, options.holdout)
    patients = frame["patient"].to_numpy(dtype=str)
    values = frame[list(chosen.labels)].to_numpy(dtype=np.float32)
    share = max(2, round(len(set(patients)) / HELD_OUT))
    held, kind = choose(
        options.holdout,
        frame["split"].to_numpy() == "test" if official else None,
        lambda: grouped(NAME, patients, values, True, options.root_seed, share),
    )
    labels = settled(values, chosen, held)
    for k, name in enumerate(chosen.labels):
        if not (labels[~held, k] == 1).any():
            raise InputError(f"{folder}: no image of the pool has '{name}'. Leave it out of labels=.")
    files = ImageFiles(tuple(map(Path, frame["file"])), channels=1)
    return Images(
        dataset=NAME + (f":{options.variant}" if options.variant else ""),
        task="multilabel",
        classes=chosen.labels,
        sample_ids=frame["name"].to_numpy(dtype=str),
        groups=patients,
        groups_known=True,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=1,
        flip=False,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, extra=labels.tobytes().hex(), memory=options.memory),
        shareable=False,
        attributes=attributes_of(frame, {"sex": SEX, "age": AGE, "view": "view"}),
        about=ORIGIN.about(TITLE, holdout=f"official ({official})" if official else "grouped")
        | {
            "labels": WEAK,
            "uncertain labels": f"{chosen.uncertain} in the pool, unknown in the holdout",
            "blank labels": chosen.blank,
            "views": chosen.views,
        },
    )


def settled(values: npt.NDArray[np.float32], chosen: Choices, held: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """The CSV's 1, 0, -1 and NaN (blank) as 1, 0 and NaN (unknown).

    Args:
        values: (N, K) as in the CSV.
        chosen: how uncertain and blank ones count.
        held: (N,) the holdout, where uncertain ones are always unknown.
    """
    labels = values.copy()
    if chosen.blank == "zero":
        labels[np.isnan(values)] = 0
    labels[values == -1] = {"ignore": np.nan, "ones": 1.0, "zeros": 0.0}[chosen.uncertain]
    labels[(values == -1) & held[:, None]] = np.nan
    return labels


def _rows(folder: Path, chosen: Choices, wanted: str) -> tuple[pd.DataFrame, str | None]:
    """Index the rows that a kind of holdout needs.

    Returns:
        Name, file, patient, split and findings, sorted by name; and the official test among them, a name of `TESTS`:
        None where there is none, or everything is pooled.
    """
    import pandas as pd

    if not (folder / "train.csv").is_file():
        raise InputError(f"no train.csv in {folder}: expected the folder as it comes, with train.csv and valid.csv.")
    present = [name for name in TESTS if (folder / name).is_file()]
    official = present[0] if present and wanted == "official" else None
    splits = {"train.csv": "train"} | ({official: "test"} if official else {})
    if wanted == "grouped":  # everything is pooled
        splits |= dict.fromkeys(present, "more")
    frames = [_read(folder, folder / name, chosen).assign(split=split) for name, split in splits.items()]
    frame = pd.concat(frames, ignore_index=True).drop_duplicates("name")
    return frame.sort_values("name").reset_index(drop=True), official


def _read(folder: Path, table: Path, chosen: Choices) -> pd.DataFrame:
    """One CSV. Its paths begin with the name of the folder as it was packed, whatever it is called here."""
    import pandas as pd

    maybe = [column for column in (SEX, AGE, SIDE) if column in header(table)]
    frame = read_columns(table, ("Path",), (*chosen.labels, *maybe))
    suspicious = frame["Path"][frame["Path"].str.contains(r"\.\.|^[/\\]|\\|^.:", regex=True)]
    for name in suspicious:
        inside(name, table)
    frame["name"] = frame["Path"].str.replace(r"^CheXpert[^/]*/", "", regex=True)
    frame["patient"] = frame["name"].str.extract(r"(patient\d+)/", expand=False)
    if frame["patient"].isna().any():
        raise InputError(f"{table}: no patient in '{frame['Path'][frame['patient'].isna()].iloc[0]}'.")
    frontal = frame["name"].str.contains("_frontal", regex=False)
    frame["view"] = (frame[SIDE] if SIDE in frame else pd.Series("frontal", frame.index)).where(frontal, "lateral")
    if chosen.views == "frontal":
        frame = frame[frontal].copy()
    frame["file"] = f"{folder}/" + frame["name"]
    for name in chosen.labels:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        wrong = frame[name][(numbers.isna() & frame[name].notna()) | ~(numbers.isin([0, 1, -1]) | numbers.isna())]
        if len(wrong):
            raise InputError(
                f"{table}: '{name}' is '{wrong.iloc[0]}' in row {wrong.index[0] + 2}, not 1, 0, -1 or empty."
            )
        frame[name] = numbers
    return frame


def _key(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(" ", "-")
