"""Members found by being there: each file of a package is one data set, arm, metric, table or figure.

No registry lists them. A file is held against its kind's contract when it is found; one that breaks the contract is
left out and named, and the others go on working. Files whose names begin with an underscore are shared by the members
and none themselves.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar, cast

from benchmark.errors import InputError, unknown_name
from benchmark.results import path_name

Member = TypeVar("Member")


@dataclass(frozen=True, slots=True)
class Constant:
    """A name that a file must define.

    Attributes:
        types: of its value; None among them lets it be None.
        example: a line that defines it.
        needed: whether a file may leave it out.
    """

    types: tuple[type | None, ...]
    example: str
    needed: bool = True

    def holds(self, value: object) -> bool:
        """Whether a value is of one of the types; a bool is no int."""
        if value is None:
            return None in self.types
        kinds = tuple(kind for kind in self.types if kind is not None)
        return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a file must define: the names of its parameters, in order, and how it begins."""

    parameters: tuple[str, ...]
    example: str
    needed: bool = True


@dataclass(frozen=True)
class Kind(Generic[Member]):
    """A kind of member, its package and its contract. Members are found at the first question, and kept.

    Attributes:
        title: of one member, in messages: "data set".
        package: whose files are the members.
        constants: name -> what it must be; ``NAME`` is always among them.
        functions: name -> what it must take.
        check: says what else is wrong with a module, or gives None.
    """

    title: str
    package: str
    constants: Mapping[str, Constant]
    functions: Mapping[str, Function]
    check: Callable[[ModuleType], str | None] = field(default=lambda module: None)

    def names(self) -> tuple[str, ...]:
        """Names of the members: by ``ORDER`` where the kind has one, else by alphabet."""
        return tuple(self._discovered[0])

    def all(self) -> tuple[Member, ...]:
        """The members, in the order of `names`."""
        return tuple(self._discovered[0].values())

    def find(self, name: str) -> Member:
        """The member of this name.

        Raises:
            InputError: there is none, with the near miss; or its file breaks the contract, with what is wrong.
        """
        members, _ = self._discovered
        if name in members:
            return members[name]
        self.refuse_broken(name)
        raise unknown_name(self.title, name, members)

    def refuse_broken(self, name: str) -> None:
        """Raise `InputError` where the file of this name was left out, with what is wrong with it."""
        for called, problem in self._discovered[1].values():
            if called == name:
                raise InputError(f"the {self.title} '{name}' cannot be used: {problem}")

    def problems(self) -> tuple[str, ...]:
        """One message for each file that was left out: the file, what is wrong with it, and an example."""
        return tuple(problem for _, problem in self._discovered[1].values())

    def forget(self) -> None:
        """Look again at the next question: files were added."""
        self.__dict__.pop("_discovered", None)

    @cached_property
    def _discovered(self) -> tuple[dict[str, Member], dict[Path, tuple[str, str]]]:
        """NAME -> member, and file -> (the name it would have, what is wrong with it)."""
        package = importlib.import_module(self.package)
        members: dict[str, ModuleType] = {}
        broken: dict[Path, tuple[str, str]] = {}
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.startswith("_"):
                continue
            path = Path(getattr(info.module_finder, "path", "")) / f"{info.name}.py"
            called, module, problem = self._load(info.name)
            if not problem and called in members:
                other = Path(members[called].__file__ or "").name
                problem = f"its NAME '{called}' is taken by {other}. Choose another."
            if problem or module is None:
                broken[path] = called, f"{_shown(path)}: {problem}"
            else:
                members[called] = module
        for _, text in broken.values():
            sys.stderr.write(f"warning: a {self.title} is left out. {text}\n")
        ordered = sorted(members.items(), key=lambda item: (getattr(item[1], "ORDER", 0), item[0]))
        return cast("dict[str, Member]", dict(ordered)), broken

    def _load(self, stem: str) -> tuple[str, ModuleType | None, str | None]:
        """A file's name (its own word for it, else the file's), its module, and what is wrong with it."""
        try:
            module = importlib.import_module(f"{self.package}.{stem}")
        except Exception as error:  # whatever a half-written file raises
            return stem, None, f"it cannot be imported ({type(error).__name__}: {error})."
        called = getattr(module, "NAME", None)
        name = called if isinstance(called, str) and called else stem
        return name, module, self._violation(module) or self.check(module)

    def _violation(self, module: ModuleType) -> str | None:
        for name, constant in self.constants.items():
            if not hasattr(module, name):
                if constant.needed:
                    return f"it lacks {name}. Example: {constant.example}"
            elif not constant.holds(getattr(module, name)):
                return f"its {name} is {getattr(module, name)!r}. Example: {constant.example}"
        for name, function in self.functions.items():
            defined = getattr(module, name, None)
            if defined is None:
                if function.needed:
                    return f"it lacks the function {name}. Example: {function.example}"
            elif not callable(defined):
                return f"its {name} is no function. Example: {function.example}"
            elif (given := _parameters(defined)) != list(function.parameters):
                return f"its {name} takes ({', '.join(given)}). Example: {function.example}"
        return None


def file_name_problem(module: ModuleType) -> str | None:
    """A `Kind.check` for members whose NAME names files: what is wrong with it, or None."""
    if path_name(module.NAME) != module.NAME:
        return f"its NAME '{module.NAME}' cannot be a file's name. Use letters, digits and underscores."
    return None


def _parameters(function: Callable[..., object]) -> Sequence[str]:
    """Names of the parameters that have no default."""
    parameters = inspect.signature(function).parameters
    return [name for name, parameter in parameters.items() if parameter.default is parameter.empty]


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
