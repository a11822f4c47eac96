"""Images of your own: ``folder:PATH`` with a folder a class, and if there is one a CSV of groups and splits.

    PATH/<class>/*.{png,jpg,jpeg,...}
    PATH/groups.csv        file,group[,split]     with file relative to PATH, split "pool" or "holdout"

Without groups.csv every image is a group of its own; without splits, half of the groups are the holdout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import grouped

if TYPE_CHECKING:
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


def load(root: Path | None, options: LoadOptions) -> Images:
    """Two classes make a binary task, whose second class (by name) is positive; more a multi-class one."""
    root = Path(options.variant)
    if not root.is_dir():
        raise InputError(f"the data set folder:{root} does not exist: give folder:PATH of a folder of classes.")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    by_class = {folder.name: images_in(folder) for folder in folders}
    empty = [name for name, paths in by_class.items() if not paths]
    if empty:
        raise InputError(f"no images in the class folder(s) {', '.join(empty)} of {root}: fill or remove them.")
    if len(by_class) < 2:
        raise InputError(
            f"{root} has {len(by_class)} class folder(s): it needs at least two, each with the images of one class."
        )
    classes = tuple(by_class)
    pairs = [(path, k) for k, name in enumerate(classes) for path in by_class[name]]
    pairs.sort(key=lambda pair: pair[0].relative_to(root).as_posix())
    names = np.array([path.relative_to(root).as_posix() for path, _ in pairs])
    labels = one_hot([k for _, k in pairs], len(classes))
    table = _table(root, names)
    groups = names if table is None else table["group"].to_numpy(dtype=str)
    if table is not None and "split" in table and options.holdout == "official":
        held, which = (table["split"] == "holdout").to_numpy(), "official"
    else:
        held, which = grouped(str(root), groups, labels, False, options.root_seed), "grouped"
    files = ImageFiles(tuple(path for path, _ in pairs), channels=_channels([path for path, _ in pairs]))
    return Images(
        dataset=f"folder:{root.as_posix()}",
        task="binary" if len(classes) == 2 else "multiclass",
        classes=classes,
        sample_ids=names,
        groups=groups,
        labels=labels,
        holdout=held,
        channels=files.channels,
        mirror=False,
        read=files,
        fingerprint=files.fingerprint(root, extra="\n".join([*groups, *held.astype(str)])),
        facts=ORIGIN.facts(f"images in {root.name}", which)
        | ({} if table is not None else {"leaks": "not verifiable: no groups.csv, every image counts as a patient"}),
    )


def _table(root: Path, names: np.ndarray) -> pd.DataFrame | None:
    """groups.csv in the order of the images; None where there is none."""
    import pandas as pd

    path = root / TABLE
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable CSV: {error}.") from error
    lacking = {"file", "group"} - set(table.columns)
    if lacking:
        raise InputError(f"{path} lacks the column(s) {', '.join(sorted(lacking))}; it has {', '.join(table.columns)}.")
    table["file"] = table["file"].str.replace("\\", "/").str.removeprefix("./")
    outside = [name for name in table["file"].dropna() if name.startswith("/") or ".." in Path(name).parts]
    if outside:
        raise InputError(f"{path}: '{outside[0]}' leads out of {root}: paths are relative to it.")
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


def _channels(paths: list[Path]) -> int:
    """1 where a look at some of the images finds only grey ones, else 3."""
    from PIL import Image

    for path in paths[:: max(1, len(paths) // 50)]:
        try:
            with Image.open(path) as image:
                if image.mode not in ("L", "LA", "1", "I", "I;16", "I;16B", "F"):
                    return 3
        except OSError:
            continue  # named when it is decoded
    return 1
