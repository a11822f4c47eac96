"""The data sets, one file each; a file with a NAME is a data set, there is no registry."""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path
from typing import cast

from benchmark.discovery import named_modules
from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import DatasetModule, Images, LoadOptions

__all__ = ["data_root", "find", "folder_of", "found", "images_of", "load", "modules", "names"]

ENVIRONMENT = "BENCHMARK_DATA"


@functools.cache
def _modules() -> dict[str, DatasetModule]:
    return cast("dict[str, DatasetModule]", named_modules(__name__, __path__))


def modules() -> tuple[DatasetModule, ...]:
    """All data sets, sorted by name."""
    return tuple(_modules()[name] for name in names())


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted."""
    return tuple(sorted(_modules()))


def find(name: str) -> DatasetModule:
    """The data set of this name; what follows a colon (``folder:PATH``) is its own business.

    Raises:
        InputError: there is none, with the near miss; or it takes no variant, or needs one.
    """
    stem, colon, variant = name.partition(":")
    if stem not in _modules():
        raise unknown_name("data set", name, _modules())
    module = _modules()[stem]
    if colon and not module.VARIANT:
        raise InputError(f"the data set '{stem}' comes in one form only: leave out ':{variant}'.")
    if not variant and _needs_variant(module):
        raise InputError(f"'{stem}' alone does not say which: give {stem}:{module.VARIANT}.")
    return module


def load(name: str, root: Path | None, options: LoadOptions) -> Images:
    """Index a data set under the data root.

    Raises:
        InputError: no data root, no such folder, or anything wrong with the files.
    """
    module = find(name)
    options = dataclasses.replace(options, variant=name.partition(":")[2])
    if module.FOLDER is None:
        return module.load(root, options)
    if root is None:
        raise InputError(
            f"'{name}' needs a data root: give --data-root DIR, or set {ENVIRONMENT}, to the folder that "
            f"holds {module.FOLDER}/. 'python -m benchmark.data list' says where to get it."
        )
    folder = folder_of(module, root)
    if folder is None:
        raise InputError(
            f"no {module.FOLDER}/ under {root}, where '{name}' should be. Check --data-root, or see "
            f"'python -m benchmark.data fetch {module.NAME}'."
        )
    return module.load(folder, options)


def folder_of(module: DatasetModule, root: Path) -> Path | None:
    """Where under the data root a data set lies, by any of its folder's names; None where it does not."""
    if module.FOLDER is None:
        return None
    folders = (root / name for name in (module.FOLDER, *getattr(module, "FOLDERS", ())))
    return next((folder for folder in folders if folder.is_dir()), None)


def found(root: Path | None) -> tuple[str, ...]:
    """Names of the real data sets under the data root; not those for pretraining, nor those with variants."""
    if root is None:
        return ()
    return tuple(
        name
        for name, module in sorted(_modules().items())
        if module.REAL and not module.CORPUS and not _needs_variant(module) and folder_of(module, root)
    )


def images_of(name: str) -> frozenset[str]:
    """The data sets whose images this one holds: itself, and those that it was made from."""
    stem, _, variant = name.partition(":")
    module = _modules().get(stem)
    others = module.ORIGIN.images_of.get(variant, ()) if module else ()
    itself = name if module and _needs_variant(module) else stem
    return frozenset({itself, *others})


def _needs_variant(module: DatasetModule) -> bool:
    return bool(module.VARIANT) and not module.VARIANT.startswith("[")


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
