"""The metrics, one file each; tuning, cells, MLflow and the analysis take them all from here.

A file gives a metric's name, label, direction, range and worst value, and its formula in one of two forms:

- ``ranked(positives, negatives)``: a function of how positives and negatives are ordered by their scores, for one class
  or label; the metric is the mean over them (the positive class alone of a binary task). ``of_class(truth, score)`` may
  give the same for unweighted images by a library;
- ``of_sums(sums)``: a smooth function of `benchmark.sums.Sums`, one value a problem; the metric is their mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.discovery import Constant, Function, Kind
from benchmark.results import Task
from benchmark.sums import Numbers, Sums, join, parts

Floats = npt.NDArray[np.float64]
Ranked = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, as its file defines it.

    Attributes:
        name: in tables, settings and flags.
        label: in sentences and figures.
        higher_is_better: its direction.
        range: its smallest and its largest value; infinite where there is none.
        worst: the value of a trial that diverged, not better than any value.
        ranked: (T, L) weights of the positives and of the negatives at each distinct score, falling, to (L,) values;
            None for a metric of sums.
        of_class: ((N,) truth, (N,) scores) of one class to its value, by a library where one has it.
        of_sums: sums to (..., Q) values, one a problem; None for a ranking metric. Works on complex sums.
    """

    name: str
    label: str
    higher_is_better: bool
    range: tuple[float, float]
    worst: float
    ranked: Ranked | None
    of_class: Callable[[npt.NDArray[np.bool_], npt.NDArray[Any]], float] | None
    of_sums: Callable[[Sums], Numbers] | None

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: `sign * value` always rises with quality."""
        return 1 if self.higher_is_better else -1

    @property
    def unit_interval(self) -> bool:
        """Whether its values lie in [0, 1] and rise with quality, so that intervals suit the logit scale."""
        return self.range == (0.0, 1.0) and self.higher_is_better

    def value(self, task: Task, y_true: npt.NDArray[np.floating[Any]], y_score: npt.NDArray[Any]) -> float:
        """The metric of one set of predictions, in natural units.

        Args:
            task: of the data set.
            y_true: (N, K) one-hot, or 0/1 with NaN for unknown labels, which are masked.
            y_score: (N, K) probabilities.

        Returns:
            The value. Classes and labels of which these images hold only one value are left out of the mean.

        Raises:
            ValueError: no class or label has both values.
        """
        columns = columns_of(task, y_true.shape[1])
        two_sided = [k for k in columns if _two_sided(y_true[:, k])]
        if not two_sided:
            raise ValueError("no class has both positives and negatives among these images")
        if self.of_sums is not None:
            if task == "multilabel":
                y_true, y_score = y_true[:, two_sided], y_score[:, two_sided]
            shared, own = parts(task, y_true, y_score)
            return float(self.of_sums(join(shared.sum(axis=0), own.sum(axis=0))).mean(axis=-1))
        values = []
        for k in two_sided:
            known = ~np.isnan(y_true[:, k])
            values.append(self._class_value(y_true[known, k] > 0.5, y_score[known, k]))
        return float(np.mean(values))

    def _class_value(self, truth: npt.NDArray[np.bool_], score: npt.NDArray[Any]) -> float:
        if self.of_class is not None:
            return float(self.of_class(truth, score))
        assert self.ranked is not None
        _, place = np.unique(-score, return_inverse=True)
        positives, negatives = (np.bincount(place, side.astype(np.float64))[:, None] for side in (truth, ~truth))
        return float(self.ranked(np.asarray(positives), np.asarray(negatives))[0])


def columns_of(task: Task, classes: int) -> tuple[int, ...]:
    """The columns that ranking metrics are averaged over: the positive class, or every class or label."""
    return (1,) if task == "binary" else tuple(range(classes))


def _two_sided(truth: npt.NDArray[np.floating[Any]]) -> bool:
    known = truth[~np.isnan(truth)] > 0.5
    return bool(known.any() and not known.all())


def _one_formula(module: ModuleType) -> str | None:
    if hasattr(module, "ranked") == hasattr(module, "of_sums"):
        return "it must define either ranked(positives, negatives) or of_sums(sums), one of the two."
    low, high = module.RANGE
    if module.HIGHER_IS_BETTER and low < module.WORST:
        return f"its WORST {module.WORST} is better than {low}, the worse end of its RANGE."
    if not module.HIGHER_IS_BETTER and math.isfinite(high) and high > module.WORST:
        return f"its WORST {module.WORST} is better than {high}, the worse end of its RANGE."
    return None


MODULES: Kind[ModuleType] = Kind(
    "metric",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "auroc"'),
        "LABEL": Constant((str,), 'LABEL = "AUROC"'),
        "ORDER": Constant((int,), "ORDER = 10  # place in tables"),
        "HIGHER_IS_BETTER": Constant((bool,), "HIGHER_IS_BETTER = True"),
        "RANGE": Constant((tuple,), "RANGE = (0.0, 1.0)"),
        "WORST": Constant((float,), "WORST = 0.0  # the value of a trial that diverged"),
    },
    functions={
        "ranked": Function(("positives", "negatives"), "def ranked(positives, negatives): ...", needed=False),
        "of_class": Function(("truth", "score"), "def of_class(truth, score): ...", needed=False),
        "of_sums": Function(("sums",), "def of_sums(sums): ...", needed=False),
    },
    check=_one_formula,
)


def names() -> tuple[str, ...]:
    """Names of all metrics, in the order of the tables."""
    return MODULES.names()


@cache
def find(name: str) -> Metric:
    """The metric of this name. Raises `InputError`, with the near miss, where there is none."""
    module = MODULES.find(name)
    return Metric(
        name=module.NAME,
        label=module.LABEL,
        higher_is_better=module.HIGHER_IS_BETTER,
        range=module.RANGE,
        worst=module.WORST,
        ranked=getattr(module, "ranked", None),
        of_class=getattr(module, "of_class", None),
        of_sums=getattr(module, "of_sums", None),
    )
