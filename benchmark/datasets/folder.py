"""Images of your own: ``folder:PATH`` with a folder a class, and if there is one a CSV of groups and splits.

    PATH/<class>/*.{png,jpg,jpeg,...}
    PATH/groups.csv        file,group[,split,...] with file relative to PATH, split "pool" or "holdout"

What follows the path chooses, in this order, for example ``folder:scans:exclude=*_mask*:group-pattern=/(P\\d+)_``:

    exclude=GLOB+GLOB+...  leaves out the files whose name, or path under PATH, matches a pattern of the shell
    group-pattern=REGEX    the patient is what the one pair of parentheses matches in the path under PATH

Without groups.csv and a pattern every image is a group of its own; without splits, half of the groups are the holdout.
Any further column (sex, age in years, view, ...) makes subgroups in the report. Masks and the like beside their images
are refused until they are excluded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.images.attributes import attributes_of
from benchmark.images.companions import refuse_companions
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import header, read_columns

if TYPE_CHECKING:
    import pandas as pd

NAME = "folder"
TITLE = "your own images: folder:PATH with PATH/<class>/*.png and, if you like, PATH/groups.csv"
FOLDER = None
REAL = True
CORPUS = False
VARIANT = "PATH[:exclude=GLOB+GLOB:group-pattern=REGEX]"
ORIGIN = Origin("the user's own", "the user's own")

TABLE = "groups.csv"
SPLITS = ("pool", "holdout")
NEEDED = ("file", "group", "split")  # what other columns there are makes subgroups
NO_TABLE = "not verifiable: no groups.csv and no group-pattern, every image counts as a patient"
EXCLUDE, PATTERN = ":exclude=", ":group-pattern="
NAMED = 3  # examples in a message


@dataclass(frozen=True, slots=True)
class Choices:
    """What a variant says.

    Attributes:
        path: of the folder, without what says nothing: ``x``, ``./x`` and ``x/`` are one folder.
        exclude: patterns of the files to leave out.
        group_pattern: regular expression with one group, the patient; "" for none.
    """

    path: str
    exclude: tuple[str, ...] = ()
    group_pattern: str = ""

    @property
    def text(self) -> str:
        """The one spelling of the variant."""
        globs = EXCLUDE + "+".join(self.exclude) if self.exclude else ""
        return self.path + globs + (PATTERN + self.group_pattern if self.group_pattern else "")


def choices(variant: str) -> Choices:
    """Read a variant.

    Raises:
        InputError: the choices are in another order, or the regular expression is none, or has not one group.
    """
    rest, _, pattern = variant.partition(PATTERN)
    path, _, globs = rest.partition(EXCLUDE)
    if EXCLUDE in pattern:
        raise InputError(f"folder:{variant}: exclude= stands before group-pattern=, which ends the name.")
    if pattern:
        try:
            count = re.compile(pattern).groups
        except re.error as error:
            raise InputError(f"group-pattern={pattern} is not a regular expression ({error}).") from error
        if count != 1:
            raise InputError(
                f"group-pattern={pattern} has {count} pairs of parentheses: it needs one, around what names the "
                "patient; (?:...) groups without naming."
            )
    return Choices(posixpath.normpath(path), tuple(dict.fromkeys(filter(None, globs.split("+")))), pattern)


def canonical(variant: str) -> str:
    """One spelling of the path and the choices."""
    return choices(variant).text


def shown(variant: str) -> str:
    """The last part of an absolute path alone: where on a machine the images lie is nobody's business."""
    chosen = choices(variant)
    base = posixpath.basename(chosen.path) if posixpath.isabs(chosen.path) else ""
    return Choices(base or chosen.path, chosen.exclude, chosen.group_pattern).text


def load(folder: Path, options: LoadOptions) -> Images:
    """Two classes make a binary task, whose second class (by name) is positive; more a multi-class one."""
    chosen = choices(options.variant)
    dataset, folder = f"folder:{shown(options.variant)}", Path(chosen.path)
    if not folder.is_dir():
        raise InputError(
            f"the data set folder:{folder} does not exist: give folder:PATH of a folder of classes"
            " (after it, if need be, :exclude=GLOB and :group-pattern=REGEX)."
        )
    class_folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    by_class = {path.name: images_in(path) for path in class_folders}
    left_out = _exclude(folder, by_class, chosen)
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
    refuse_companions(f"folder:{options.variant}", names.tolist(), chosen.exclude)
    labels = one_hot([k for _, k in pairs], len(classes))
    table = _table(folder, names)
    groups = names if table is None else table["group"].to_numpy(dtype=str)
    if chosen.group_pattern:
        groups = _parsed(folder, names, chosen.group_pattern)
    held, kind = choose(
        options.holdout,
        (table["split"] == "holdout").to_numpy() if table is not None and "split" in table else None,
        lambda: grouped(dataset.partition(":")[2], groups, labels, False, options.root_seed),
    )
    paths = tuple(path for path, _ in pairs)
    files = ImageFiles(paths, channels=_channels(paths))
    return Images(
        dataset=dataset,
        task="binary" if len(classes) == 2 else "multiclass",
        classes=classes,
        sample_ids=names,
        groups=groups,
        groups_known=table is not None or bool(chosen.group_pattern),
        labels=labels,
        holdout=held,
        holdout_kind=kind,
        channels=files.channels,
        flip=False,
        synthetic=False,
        read=files,
        fingerprint=files.fingerprint(folder, extra="\n".join([*groups, *held.astype(str)]), memory=options.memory),
        attributes={} if table is None else attributes_of(table, _attributes_in(table)),
        about=ORIGIN.about(f"images in {folder.name}{left_out}")
        | ({} if table is not None or chosen.group_pattern else {"leaks": NO_TABLE}),
    )


def _exclude(folder: Path, by_class: dict[str, list[Path]], chosen: Choices) -> str:
    """Take what matches a pattern out of the classes' files, and say how many by which."""
    counts = dict.fromkeys(chosen.exclude, 0)
    total = sum(map(len, by_class.values()))
    for name, paths in by_class.items():
        kept = []
        for path in paths:
            relative = path.relative_to(folder).as_posix()
            matching = [glob for glob in counts if fnmatchcase(path.name, glob) or fnmatchcase(relative, glob)]
            if not matching:
                kept.append(path)
            for glob in matching:
                counts[glob] += 1
        by_class[name] = kept
    for glob, count in counts.items():
        if not count:
            raise InputError(f"exclude={glob} matches none of the {total:,} images in {folder}: correct or drop it.")
    return "".join(f", without {count:,} that match {glob}" for glob, count in counts.items())


def _parsed(folder: Path, names: npt.NDArray[np.str_], pattern: str) -> npt.NDArray[np.str_]:
    """(N,) what the pattern finds in every name."""
    if (folder / TABLE).exists():
        raise InputError(f"{folder} has a {TABLE}, and group-pattern= is given: groups come from one of the two.")
    search = re.compile(pattern).search
    matches = [search(str(name)) for name in names]
    without = [str(name) for name, match in zip(names, matches, strict=True) if match is None or not match[1]]
    if without:
        listed = ", ".join(without[:NAMED]) + (", ..." if len(without) > NAMED else "")
        raise InputError(
            f"group-pattern={pattern} finds no patient in {len(without):,} of {len(names):,} images ({listed}). It is "
            f"searched for in the path under {folder}: widen it, exclude= those files, or write a {TABLE}."
        )
    return np.array([match[1] for match in matches if match])


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
