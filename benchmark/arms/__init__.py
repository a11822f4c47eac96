"""The compared ways to get a model, one file each; a file with a NAME is an arm, there is no registry."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

from benchmark.arms.contract import ArmModule
from benchmark.errors import unknown_name

__all__ = ["find", "names"]


@cache
def _modules() -> dict[str, ArmModule]:
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "NAME"):
            found[module.NAME] = cast(ArmModule, module)
    return found


def names() -> tuple[str, ...]:
    """Names of all arms, sorted."""
    return tuple(sorted(_modules()))


def find(name: str) -> ArmModule:
    """The arm of this name. Raises `InputError`, with the near miss, where there is none."""
    if name not in _modules():
        raise unknown_name("arm", name, _modules())
    return _modules()[name]
