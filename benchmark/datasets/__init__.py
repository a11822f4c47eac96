"""The data sets, one file each; a file that keeps the contract is a data set, there is no registry."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from benchmark.discovery import Constant, Function, Kind
from benchmark.errors import InputError
from benchmark.images.contract import DatasetModule, Images, LoadOptions, Origin

__all__ = ["canonical", "data_root", "find", "folder_of", "images_of", "load", "modules", "names", "present", "shown"]

ENVIRONMENT = "BENCHMARK_DATA"

MODULES: Kind[DatasetModule] = Kind(
    "data set",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "chest-xray"'),
        "TITLE": Constant((str,), 'TITLE = "Chest X-ray Pneumonia (Kermany)"'),
        "FOLDER": Constant((str, None), 'FOLDER = "chest_xray"  # under the data root; None where it needs none there'),
        "FOLDERS": Constant((tuple,), 'FOLDERS = ("ChestXRay2017",)  # other names of the folder', needed=False),
        "REAL": Constant((bool,), "REAL = True  # False for synthetic images"),
        "CORPUS": Constant((bool,), "CORPUS = False  # True where it serves only for pretraining"),
        "VARIANT": Constant((str,), 'VARIANT = ""  # what may follow a colon after the name'),
        "ORIGIN": Constant((Origin,), 'ORIGIN = Origin(source="whom to cite", licence="CC BY 4.0")'),
        "EXTERNAL": Constant(
            (dict,), 'EXTERNAL = {"chest-xray": "nih::NORMAL=No Finding,PNEUMONIA=Pneumonia"}', needed=False
        ),
    },
    functions={
        "load": Function(("folder", "options"), "def load(folder: Path, options: LoadOptions) -> Images: ..."),
        "fetch": Function(
            ("folder", "options", "say"),
            "def fetch(folder: Path, options: LoadOptions, say: Callable[[str], None]) -> None: ...",
            needed=False,
        ),
        "canonical": Function(("variant",), "def canonical(variant: str) -> str: ...", needed=False),
        "shown": Function(("variant",), "def shown(variant: str) -> str: ...", needed=False),
    },
)


def modules() -> tuple[DatasetModule, ...]:
    """All data sets, sorted by name."""
    return MODULES.all()


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted."""
    return MODULES.names()


def find(name: str) -> DatasetModule:
    """The data set of this name; what follows a colon (``folder:PATH``) is its own business.

    Raises:
        InputError: there is none, with the near miss; or it takes no variant, or needs one.
    """
    stem, colon, variant = name.partition(":")
    module = MODULES.find(stem)
    if colon and not module.VARIANT:
        raise InputError(f"the data set '{stem}' comes in one form only: leave out ':{variant}'.")
    if not variant and _needs_variant(module):
        raise InputError(f"'{stem}' alone does not say which: give {stem}:{module.VARIANT}.")
    return module


def canonical(name: str) -> str:
    """The one spelling of a data set's name: ``folder:./x/`` is ``folder:x``.

    Raises:
        InputError: as `find`.
    """
    return _spelled(find(name), name.partition(":")[2])


def shown(name: str) -> str:
    """The name under which a data set stands in cells, tables and reports: without where on this machine it lies.

    Raises:
        InputError: as `find`.
    """
    module, name = find(name), canonical(name)
    stem, colon, variant = name.partition(":")
    spelling = getattr(module, "shown", None)
    return name if spelling is None else f"{stem}{colon}{spelling(variant)}"


def load(name: str, data_root: Path | None, options: LoadOptions) -> Images:
    """Index a data set under the data root.

    Raises:
        InputError: no data root, no such folder, or anything wrong with the files.
    """
    module = find(name)
    options = dataclasses.replace(options, variant=canonical(name).partition(":")[2])
    if module.FOLDER is None:
        return module.load(Path(), options)
    if data_root is None:
        raise InputError(
            f"'{name}' needs a data root: give --data-root DIR, or set {ENVIRONMENT}, to the folder that "
            f"holds {module.FOLDER}/. 'python -m benchmark.data list' says where to get it."
        )
    folder = folder_of(module, data_root)
    if folder is None:
        raise InputError(
            f"no {module.FOLDER}/ under {data_root}, where '{name}' should be. Check --data-root, or see "
            f"'python -m benchmark.data fetch {module.NAME}'."
        )
    return module.load(folder, options)


def folder_of(module: DatasetModule, data_root: Path) -> Path | None:
    """Where under the data root a data set lies, by any of its folder's names; None where it does not."""
    if module.FOLDER is None:
        return None
    folders = (data_root / name for name in (module.FOLDER, *getattr(module, "FOLDERS", ())))
    return next((folder for folder in folders if folder.is_dir()), None)


def present(data_root: Path | None) -> tuple[str, ...]:
    """Names of the real data sets under the data root; not those for pretraining, nor those that need a variant."""
    if data_root is None:
        return ()
    return tuple(
        module.NAME
        for module in modules()
        if module.REAL and not module.CORPUS and not _needs_variant(module) and folder_of(module, data_root)
    )


def images_of(name: str) -> frozenset[str]:
    """The data sets whose images this one holds: itself, and those that it was made from.

    The name may be unknown here: the card of a weight file names what it was trained on.
    """
    stem, _, variant = name.partition(":")
    if stem not in names():
        return frozenset({stem})
    module = MODULES.find(stem)
    # What follows a second colon chooses among the images: ``folder:x:exclude=*_mask*``.
    itself = shown(":".join(name.split(":")[:2])) if variant and _needs_variant(module) else stem
    return frozenset({itself, *module.ORIGIN.images_of.get(variant, ())})


def data_root(flag: Path | None) -> Path | None:
    """The data root: the flag, else the environment's, else None.

    Raises:
        InputError: it is named, and is missing or empty.
    """
    named = flag or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if named is None:
        return None
    source = "--data-root" if flag else ENVIRONMENT
    if not named.is_dir():
        raise InputError(f"the data root {named} ({source}) does not exist or is no folder.")
    if not any(named.iterdir()):
        raise InputError(f"the data root {named} ({source}) is empty: it should hold chest_xray/, HAM10000/, ...")
    return named


def _spelled(module: DatasetModule, variant: str) -> str:
    """NAME, or NAME:VARIANT in the data set's own spelling."""
    if not variant:
        return module.NAME
    spelling = getattr(module, "canonical", None)
    spelled = variant if spelling is None else spelling(variant)
    return f"{module.NAME}:{spelled}" if spelled else module.NAME


def _needs_variant(module: DatasetModule) -> bool:
    return bool(module.VARIANT) and not module.VARIANT.startswith("[")
