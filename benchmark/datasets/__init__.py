"""The data sets, one file each; a file with a NAME is a data set, there is no registry."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from pathlib import Path
from typing import cast

from benchmark.datasets.contract import DatasetModule, Images, LoadOptions
from benchmark.errors import InputError, unknown_name

__all__ = ["data_root", "find", "found", "load", "names"]

ENVIRONMENT = "BENCHMARK_DATA"


@functools.cache
def _modules() -> dict[str, DatasetModule]:
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "NAME"):
            found[module.NAME] = cast(DatasetModule, module)
    return found


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted."""
    return tuple(sorted(_modules()))


def find(name: str) -> DatasetModule:
    """The data set of this name; what follows a colon (``folder:PATH``) is its own business.

    Raises:
        InputError: there is none, with the near miss.
    """
    stem = name.partition(":")[0]
    if stem not in _modules():
        raise unknown_name("data set", name, _modules())
    return _modules()[stem]


def load(name: str, root: Path | None, options: LoadOptions) -> Images:
    """Index a data set under the data root.

    Raises:
        InputError: no data root, no such folder, or anything wrong with the files.
    """
    module = find(name)
    argument = name.partition(":")[2]
    if argument:
        return module.load(Path(argument), options)
    if module.FOLDER is None:
        return module.load(root, options)
    if root is None:
        raise InputError(
            f"'{name}' needs a data root: give --data-root DIR, or set {ENVIRONMENT}, to the folder that holds "
            f"{module.FOLDER}/."
        )
    if not (root / module.FOLDER).is_dir():
        raise InputError(f"no {module.FOLDER}/ under {root}, where '{name}' should be. Check --data-root.")
    return module.load(root / module.FOLDER, options)


def found(root: Path | None) -> tuple[str, ...]:
    """Names of the real data sets (not the mere sources of pretraining) that are under the data root."""
    if root is None:
        return ()
    return tuple(
        name
        for name, module in sorted(_modules().items())
        if module.REAL and not module.CORPUS and module.FOLDER and (root / module.FOLDER).is_dir()
    )


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
