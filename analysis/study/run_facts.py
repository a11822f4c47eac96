"""What a run tells beside its predictions and trials: its folder, or the file in which it was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.predictions.compact import described_in
from benchmark.errors import InputError
from benchmark.results import (
    ATTRIBUTE_COLUMNS,
    ATTRIBUTES,
    DONE,
    PICTURE_COLUMNS,
    PICTURES,
    SPEC,
    cell_folders,
    read_json,
    read_table,
)

#: data set -> attribute -> sample id -> value.
Attributes = Mapping[str, Mapping[str, Mapping[str, str]]]
Record = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RunFacts:
    """A run's folder, or its published file; everything in it may be missing, as older versions wrote less.

    Attributes:
        folder: where it is.
        described: its spec.json, or what the file says in its place.
    """

    folder: Path
    described: Mapping[str, Any]

    def records(self, table: str) -> list[Record]:
        """The rows of a table in spec.json; none where it has no such table, or one of another form."""
        tables = self.described.get("tables")
        rows = tables.get(table) if isinstance(tables, Mapping) else None
        return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []

    def setting(self, name: str) -> Any:
        """A setting of the run; None where it is not known."""
        spec = self.described.get("spec")
        return spec.get(name) if isinstance(spec, Mapping) else None

    @cached_property
    def starts(self) -> list[Record]:
        """Every start of the run, the first one first; empty where an older version ran it."""
        starts = self.described.get("starts")
        return [start for start in starts if isinstance(start, Mapping)] if isinstance(starts, list) else []

    @cached_property
    def cells(self) -> list[Record]:
        """What the finished cells say of themselves (done.json), in the order of their folders.

        Of a published file what it says of several cells together, where they do not differ.
        """
        if self.folder.is_file():
            records = self.described.get("cells")
            return [record for record in records if isinstance(record, Mapping)] if isinstance(records, list) else []
        paths = [path for folder in cell_folders(self.folder) if (path := folder / DONE).is_file()]
        return [done for path in paths if isinstance(done := read_json(path), Mapping)]

    @cached_property
    def attributes(self) -> Attributes:
        """What is known of the holdouts' images; empty where nothing is.

        Raises:
            InputError: the file is not in the documented form.
        """
        made: dict[str, dict[str, dict[str, str]]] = {}
        for dataset, sample, attribute, value in self._rows(ATTRIBUTES, ATTRIBUTE_COLUMNS):
            made.setdefault(dataset, {}).setdefault(attribute, {})[sample] = value
        return made

    @cached_property
    def pictures(self) -> Mapping[tuple[str, str], bytes]:
        """(data set, sample id) -> a small JPEG, of a few images of the holdouts.

        Raises:
            InputError: the file is not in the documented form.
        """
        return {(dataset, sample): jpeg for dataset, sample, jpeg in self._rows(PICTURES, PICTURE_COLUMNS)}

    def _rows(self, name: str, columns: Mapping[str, str]) -> list[tuple[Any, ...]]:
        path = self.folder / name
        if not path.is_file():
            return []
        frame = read_table(path)
        lacking = [column for column in columns if column not in frame]
        if lacking:
            raise InputError(f"{path} lacks the columns {', '.join(lacking)}. Remove it: the run writes it again.")
        return list(frame[list(columns)].itertuples(index=False, name=None))


def description(source: Path) -> Mapping[str, Any]:
    """A run's spec.json, or what a published file says in its place; empty for other sources.

    Raises:
        InputError: it describes no run.
    """
    if source.is_file():
        return described_in(source)
    described = read_json(source / SPEC) if (source / SPEC).is_file() else {}
    if not isinstance(described, Mapping) or not isinstance(described.get("spec", {}), Mapping):
        raise InputError(f"{source / SPEC} does not describe a run. Remove it to report on the predictions alone.")
    return described


def read_run(source: Path, described: Mapping[str, Any]) -> RunFacts | None:
    """The facts of a run; None where only predictions are at hand.

    Args:
        source: of the predictions.
        described: as `description` gives it.
    """
    return RunFacts(source, described) if described else None
