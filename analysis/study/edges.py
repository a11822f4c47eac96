"""Where in its ranges every arm's best trials lie: a best trial at an edge says that the range is too narrow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.study.chosen import best_trials
from analysis.study.trials import Trials

End = Literal["low", "high"]
ENDS: tuple[End, ...] = ("low", "high")

EDGE = 0.05  # of a range, on its own scale, counts as its end
MOST_CELLS = 1 / 3  # with their best trial at one end
LUCK = 0.05  # chance that luck flags an arm none of whose ranges is too narrow


@dataclass(frozen=True, slots=True)
class Edge:
    """One end of one dimension of an arm.

    Attributes:
        dataset, n_per_class, arm: which cells.
        dimension, end: which end.
        value: there.
        cells: whose best trial is there.
        of: cells in all.
        natural: whether nothing lies beyond it, or its values are alternatives without an order.
        flagged: whether the range is too narrow.
    """

    dataset: str
    n_per_class: int
    arm: str
    dimension: str
    end: End
    value: float | str
    cells: int
    of: int
    natural: bool
    flagged: bool


def edges(trials: Trials) -> Iterator[Edge]:
    """Both ends of every dimension of every arm; none where the run does not tell its search spaces."""
    for (dataset, n, arm), part in trials.by_arm():
        best = [trial.parameters for trial in best_trials(part, trials.metric.sign)]
        dimensions = trials.spaces.get(arm, ())
        looked_at = sum(not _natural(dimension, end) for dimension in dimensions for end in ENDS)
        for dimension in dimensions:
            values = [parameters[dimension["name"]] for parameters in best if dimension["name"] in parameters]
            if not values:
                continue
            for end in ENDS:
                cells = sum(at_end(dimension, value, end) for value in values)
                natural = _natural(dimension, end)
                narrow = too_many(cells, len(values), _choices(dimension), max(looked_at, 1))
                yield Edge(
                    dataset, n, arm, dimension["name"], end, _value(dimension, end), cells, len(values), natural,
                    flagged=narrow and not natural,
                )  # fmt: skip


def at_end(dimension: Mapping[str, Any], value: Any, end: End) -> bool:
    """Whether a value lies at an end: within 5% of a range, on its scale; the last of a grid or of choices."""
    last = _value(dimension, end)
    if dimension["kind"] == "choice" or _choices(dimension):
        return bool(value == last)
    low, high = _scaled(dimension, dimension["low"]), _scaled(dimension, dimension["high"])
    return abs(_scaled(dimension, value) - _scaled(dimension, last)) <= EDGE * (high - low)


def too_many(cells: int, of: int, grid: int, looked_at: int) -> bool:
    """Whether best trials lie at an end in more than a third of the cells.

    Chance alone puts a best trial there in 5% of the cells, and on the last of a grid of few values in 1 / grid of
    them: the excess must be more than luck too (one-sided exact binomial test, corrected after Sidak for all ends of
    the arm that are looked at).

    Args:
        cells: at the end.
        of: all cells.
        grid: number of the dimension's values; 0 for a range.
        looked_at: ends of the arm's ranges that could be flagged, 1 or more.
    """
    from scipy.stats import binom

    by_chance = 1 / grid if grid else EDGE
    return cells > MOST_CELLS * of and float(binom.sf(cells - 1, of, by_chance)) < 1 - (1 - LUCK) ** (1 / looked_at)


def _natural(dimension: Mapping[str, Any], end: End) -> bool:
    """Whether nothing lies beyond an end, or the values are alternatives without an order."""
    return dimension["kind"] == "choice" or end in dimension.get("natural_ends", ())


def _choices(dimension: Mapping[str, Any]) -> int:
    """Number of values of a grid; 0 for a range."""
    if not dimension.get("step"):
        return 0
    return round(float((dimension["high"] - dimension["low"]) / dimension["step"])) + 1


def _value(dimension: Mapping[str, Any], end: End) -> Any:
    if dimension["kind"] == "choice":
        choices: Sequence[Any] = dimension["choices"]
        return choices[0] if end == "low" else choices[-1]
    return dimension[end]


def _scaled(dimension: Mapping[str, Any], value: float) -> float:
    return math.log(value) if dimension["log"] else float(value)
