"""The compared ways to get a model, one file each; a file with a NAME is an arm, there is no registry."""

from __future__ import annotations

from functools import cache
from typing import cast

from benchmark.arms.contract import ArmModule
from benchmark.discovery import named_modules
from benchmark.errors import unknown_name

__all__ = ["find", "names"]


@cache
def _modules() -> dict[str, ArmModule]:
    return cast("dict[str, ArmModule]", named_modules(__name__, __path__))


def names() -> tuple[str, ...]:
    """Names of all arms, sorted."""
    return tuple(sorted(_modules()))


def find(name: str) -> ArmModule:
    """The arm of this name. Raises `InputError`, with the near miss, where there is none."""
    if name not in _modules():
        raise unknown_name("arm", name, _modules())
    return _modules()[name]
