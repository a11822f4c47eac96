"""Test sets from elsewhere: which data set a run's models predict beside their own holdout, and how its classes map.

    nih                                             the map that nih's own file has for the run's data set
    nih::PNEUMONIA=Pneumonia+Consolidation,NORMAL=No Finding    a map of one's own: class of the run = labels there
    chexpert:labels=edema+pneumonia@chest-xray::...  the options of the data set, and the run's data set that it is for

A double colon begins the map, as a single one begins a data set's own options; where a data set has none, a single one
does, too. ``CLASS=`` leaves a class out. Every class of the run's data set is mapped or left out by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from benchmark import datasets
from benchmark.errors import InputError, unknown_name
from benchmark.results import ARROW, EXTERNAL, path_name

EXAMPLE = '"nih::PNEUMONIA=Pneumonia,NORMAL=No Finding"'


@dataclass(frozen=True)
class External:
    """A data set that the models of another one predict.

    Attributes:
        source: its name, in its own spelling.
        target: the run's data set, whose models predict it.
        classes: class of the target -> the labels of the source that stand for it; none where it is left out.
    """

    source: str
    target: str
    classes: Mapping[str, tuple[str, ...]]

    @property
    def shown(self) -> External:
        """The same without where on this machine the images lie: what may stand in spec.json, tables and file names."""
        return replace(self, source=datasets.shown(self.source))

    @property
    def text(self) -> str:
        """The one spelling of all of it, as it stands in spec.json."""
        return f"{self.source}@{self.target}::{_map_text(self.classes)}"

    @property
    def key(self) -> str:
        """What tells it apart among those of its target: its name, and what is not as in the source's own map."""
        own = _own_map(self.source, self.target)
        if own is None or set(own) != set(self.classes):
            return f"{self.source}::{_map_text(self.classes)}"
        others = {name: labels for name, labels in self.classes.items() if labels != own[name]}
        return f"{self.source}::{_map_text(others)}" if others else self.source

    @property
    def label(self) -> str:
        """What tables call it: ``chest-xray -> nih``."""
        return f"{self.target}{ARROW}{self.key}"

    @property
    def file(self) -> str:
        """Its predictions, in the folder of a cell."""
        return f"{EXTERNAL}/{path_name(self.key)}.parquet"


def read_all(texts: Iterable[str], targets: Sequence[str]) -> tuple[External, ...]:
    """The test sets from elsewhere that a user names, where they lie on this machine (`External.shown` hides it).

    Args:
        texts: as in the module's docstring; without a map, one is taken for every data set of the run that has one.
        targets: the run's data sets, in their own spelling.

    Raises:
        InputError: unknown names, a map that cannot be read, or none where one is needed.
    """
    externals: dict[str, External] = {}
    for text in texts:
        for external in _read(text, targets):
            externals.setdefault(external.text, external)
    return tuple(externals.values())


@cache
def of_target(texts: tuple[str, ...], target: str) -> tuple[External, ...]:
    """Those of one data set, of the spellings in a run's settings."""
    return tuple(external for text in texts for external in _read(text, (target,), strict=False))


def _read(text: str, targets: Sequence[str], strict: bool = True) -> list[External]:
    """The test sets that a text names; without `strict`, those of other data sets than `targets` are passed over."""
    head, maps, map_text = text.partition("::")
    if not maps:
        first, colon, rest = text.partition(":")
        stem = first.partition("@")[0]
        if colon and stem in datasets.names() and not datasets.find(stem).VARIANT:
            head, maps, map_text = first, colon, rest
    name, at, wanted = head.rpartition("@")
    if not strict and at and wanted not in targets:
        return []
    if not at or wanted not in targets:
        if at and not datasets.find(head).VARIANT.startswith("PATH"):  # which may hold anything
            raise unknown_name("data set of this run in --external", wanted, targets)
        name, wanted = head, ""
    source = datasets.canonical(name)
    chosen = (wanted,) if wanted else tuple(targets)
    if maps:
        if len(chosen) > 1:
            raise InputError(
                f"--external {text}: this run has several data sets. Say whose classes these are, for example "
                f"{source}@{chosen[0]}::{map_text}"
            )
        return [External(source, chosen[0], _read_map(map_text, text))]
    known = [(target, own) for target in chosen if (own := _own_map(source, target)) is not None]
    if not known:
        raise InputError(
            f"--external {text}: {source} has no map of its own for the classes of {', '.join(chosen)}. Give one, "
            f"class of the run = labels there: {EXAMPLE}."
        )
    return [External(_with_options(source, target), target, own) for target, own in known]


def _map_text(classes: Mapping[str, tuple[str, ...]]) -> str:
    """``NORMAL=No Finding,PNEUMONIA=Pneumonia``: sorted, so that one map has one spelling."""
    return ",".join(f"{name}={'+'.join(classes[name])}" for name in sorted(classes))


def _read_map(text: str, all_of_it: str) -> dict[str, tuple[str, ...]]:
    """``A=x+y,B=`` to A -> (x, y), B -> ()."""
    classes: dict[str, tuple[str, ...]] = {}
    users: dict[str, str] = {}
    for item in text.split(","):
        name, equals, labels = (part.strip() for part in item.partition("="))
        if not equals or not name:
            raise InputError(
                f"--external {all_of_it}: '{item}' is no part of a map. It reads CLASS=LABEL+LABEL, for example "
                f"{EXAMPLE}; CLASS= leaves a class out."
            )
        if name in classes:
            raise InputError(f"--external {all_of_it}: the class '{name}' stands there twice; join its labels with +.")
        classes[name] = tuple(sorted({label.strip() for label in labels.split("+") if label.strip()}))
        for label in classes[name]:
            if label in users:
                raise InputError(f"--external {all_of_it}: '{label}' stands for both '{users[label]}' and '{name}'.")
            users[label] = name
    return classes


def _own_map(source: str, target: str) -> dict[str, tuple[str, ...]] | None:
    """The map that a data set's file has for another data set; None where it has none."""
    text = _own_text(source, target)
    return None if text is None else _read_map(text.partition("::")[2], text)


def _own_text(source: str, target: str) -> str | None:
    named: Mapping[str, str] = getattr(datasets.find(source), "EXTERNAL", {})
    return named.get(target)


def _with_options(source: str, target: str) -> str:
    """A data set that was named without options, with those that its own map was made for."""
    text = _own_text(source, target)
    if ":" in source or text is None:
        return source
    return datasets.canonical(text.partition("::")[0])
