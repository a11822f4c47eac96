"""The same arms on another holdout: the run that was named, or the twin beside the one that is reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.predictions.block import Predictions
from analysis.predictions.reading import read_predictions
from analysis.study.twin import find_twin
from benchmark.errors import InputError


@dataclass(frozen=True, slots=True)
class OtherHoldout:
    """A run on another holdout.

    Attributes:
        name: of its folder or file.
        predictions: None where they cannot be read.
        problem: why they cannot; else empty.
    """

    name: str
    predictions: Predictions | None
    problem: str = ""


def read_other_holdout(source: Path, named: Path | None, common_seeds: bool) -> OtherHoldout | None:
    """Read the run on another holdout; None where there is none.

    Args:
        source: what is reported.
        named: the other run; where None, the twin of `source`, which is left out where it cannot be read.
        common_seeds: as in `read_predictions`.

    Raises:
        InputError: the named run cannot be read.
    """
    folder = find_twin(source) if named is None else named
    if folder is None:
        return None
    name = folder.resolve().name
    try:
        return OtherHoldout(name, read_predictions(folder, common_seeds=common_seeds))
    except InputError as error:
        if named is not None:
            raise
        return OtherHoldout(name, None, str(error))
