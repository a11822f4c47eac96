"""Colour images of classes that exclude each other, listed in one table with a diagnosis and a group for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images, LoadOptions, Origin
from benchmark.images.files import ImageFiles, images_in, one_hot
from benchmark.images.holdout import choose, grouped
from benchmark.images.tables import read_columns, with_paths


def load_table(
    table: Path,
    columns: tuple[str, str, str],
    unit: str,
    classes: Sequence[str],
    options: LoadOptions,
    name: str,
    origin: Origin,
    title: str,
) -> Images:
    """The images of a table that lies in their folder; groups are never split, and half of them are held out.

    Args:
        table: the file.
        columns: of the images' file names, of their diagnoses, and of their groups.
        unit: what a group is, for a message: "patient" or "lesion".
        classes: the diagnoses.
        options: of loading.
        name: of the data set.
        origin: whence it is.
        title: one line for people.

    Raises:
        InputError: no table, an unknown diagnosis, or an image that is missing or listed twice.
    """
    folder = table.parent
    if not table.is_file():
        raise InputError(f"no {table.name} in {folder}: it tells diagnosis and {unit} of every image.")
    image, diagnosis, group = columns
    frame = read_columns(table, columns)
    unknown = sorted(set(frame[diagnosis]) - set(classes))
    if unknown:
        raise unknown_name(f"diagnosis in {table}", unknown[0], classes)
    frame = with_paths(frame, image, {path.name: path for path in images_in(folder)}, table)
    labels = one_hot([classes.index(value) for value in frame[diagnosis]], len(classes))
    groups = frame[group].to_numpy(dtype=str)
    held, kind = choose(options.holdout, None, lambda: grouped(name, groups, labels, False, options.root_seed))
    files = ImageFiles(tuple(frame["path"]), channels=3)
    return Images(
        dataset=name,
        task="multiclass",
        classes=tuple(classes),
        sample_ids=frame[image].to_numpy(dtype=str),
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
        about=origin.about(title),
    )
