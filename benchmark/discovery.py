"""Modules found by being there: a file with a NAME in a package is one of its kind, and no registry lists it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType


def named_modules(package: str, path: Iterable[str]) -> dict[str, ModuleType]:
    """NAME -> module, of every module of a package that has a NAME.

    Args:
        package: its full name.
        path: its ``__path__``.
    """
    modules = [importlib.import_module(f"{package}.{info.name}") for info in pkgutil.iter_modules(path)]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}
