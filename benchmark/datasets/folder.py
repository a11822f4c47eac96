"""Images of your own: ``folder:PATH`` with a folder a class, and if there is one a CSV of groups and splits.

    PATH/<class>/*.{png,jpg,jpeg,...}
    PATH/groups.csv        file,group[,split,...] with file relative to PATH, split "pool" or "holdout"

Without groups.csv every image is a group of its own; without splits, half of the groups are the holdout. Any further
column (sex, age in years, view, ...) makes subgroups in the report.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.images.attributes import attributes_of
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import header, read_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

NAME = "folder"
TITLE = "your own images: folder:PATH with PATH/<class>/*.png and, if you like, PATH/groups.csv"
FOLDER = None
REAL = True
CORPUS = False
VARIANT = "PATH"
ORIGIN = Origin("the user's own", "the user's own")

TABLE = "groups.csv"
SPLITS = ("pool", "holdout")
NEEDED = ("file", "group", "split")  # what other columns there are makes subgroups
NO_TABLE = "not verifiable: no groups.csv, every image counts as a patient"


def canonical(variant: str) -> str:
    """The path without what says nothing: ``x``, ``./x`` and ``x/`` are one folder."""
    return posixpath.normpath(variant)


def load(folder: Path, options: LoadOptions) -> Images:
    """Two classes make a binary task, whose second class (by name) is positive; more a multi-class one."""
    folder = Path(options.variant)
    if not folder.is_dir():
        raise InputError(f"the data set folder:{folder} does not exist: give folder:PATH of a folder of classes.")
    class_folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    by_class = {path.name: images_in(path) for path in class_folders}
    empty = [name for name, paths in by_class.items() if not paths]
    if empty:
        raise InputError(f"no images in the class folder(s) {', '.join(empty)} of {folder}: fill or remove them.")
    if len(by_class) < 2:
        raise InputError(
            f"{folder} has {len(by_class)} class folder(s): it needs at least two, each with the images of one class."
        )
    classes = tuple(by_class)
    pairs = [(path, k) for k, name in enumerate(classes) for path in by_class[name]]
    pairs.sort(key=lambda pair: pair[0].relative_to(folder).as_posix())
    names = np.array([path.relative_to(folder).as_posix() for path, _ in pairs])
    labels = one_hot([k for _, k in pairs], len(classes))
    table = _table(folder, names)
    groups = names if table is None else table["group"].to_numpy(dtype=str)
    held, kind = choose(
        options.holdout,
        (table["split"] == "holdout").to_numpy() if table is not None and "split" in table else None,
        lambda: grouped(str(folder), groups, labels, False, options.root_seed),
    )
    paths = tuple(path for path, _ in pairs)
    files = ImageFiles(paths, channels=_channels(paths))
    return Images(
        dataset=f"folder:{folder.as_posix()}",
        task="binary" if len(classes) == 2 else "multiclass",
        classes=classes,
        sample_ids=names,
        groups=groups,
        groups_known=table is not None,
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=files.channels,
        flip=False,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, extra="\n".join([*groups, *held.astype(str)]), memory=options.memory),
        attributes={} if table is None else attributes_of(table, _attributes_in(table)),
        about=ORIGIN.about(f"images in {folder.name}") | ({} if table is not None else {"leaks": NO_TABLE}),
    )


def _table(folder: Path, names: npt.NDArray[np.str_]) -> pd.DataFrame | None:
    """groups.csv in the order of the images; None where there is none."""
    path = folder / TABLE
    if not path.exists():
        return None
    maybe = [name for name in header(path) if name and name not in ("file", "group")]
    table = read_columns(path, ("file",), ("group", *maybe))
    table["file"] = table["file"].str.replace("\\", "/").str.removeprefix("./")
    outside = [name for name in table["file"] if name.startswith("/") or ".." in Path(name).parts]
    if outside:
        raise InputError(f"{path}: '{outside[0]}' leads out of {folder}: paths are relative to it.")
    twice = table["file"][table["file"].duplicated()]
    if len(twice):
        raise InputError(f"{path}: '{twice.iloc[0]}' stands there twice.")
    missing = sorted(set(names) - set(table["file"]))
    if missing:
        raise InputError(f"{path} does not list {len(missing)} of the images, '{missing[0]}' among them.")
    ordered = table.set_index("file").loc[list(names)]
    if ordered["group"].isna().any():
        raise InputError(f"{path}: no group for '{ordered.index[ordered['group'].isna()][0]}'.")
    if "split" in ordered:
        wrong = ordered["split"][~ordered["split"].isin(SPLITS)]
        if len(wrong):
            raise InputError(f"{path}: split of '{wrong.index[0]}' is '{wrong.iloc[0]}', not pool or holdout.")
    return ordered


def _attributes_in(table: pd.DataFrame) -> dict[str, str]:
    """Attribute -> its column."""
    return {name.strip().lower(): name for name in table.columns if name not in NEEDED}


def _channels(paths: Sequence[Path]) -> int:
    """1 where some of the images, looked at, are all grey, else 3."""
    from PIL import Image

    for path in paths[:: max(1, len(paths) // 50)]:
        try:
            with Image.open(path) as image:
                if image.mode not in ("L", "LA", "1", "I", "I;16", "I;16B", "F"):
                    return 3
        except Exception:  # Pillow's readers raise many kinds, at damaged and at huge images
            continue  # named when it is decoded
    return 1
