"""The comparison of two arms: estimate, interval, test, verdict and sentence, computed once and read everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Estimand, Predictions
from analysis.statistics.equivalence import ALPHA, Equivalence, Verdict, against, verdict
from analysis.statistics.inference import Inference
from analysis.statistics.multiplicity import family
from analysis.statistics.power import detectable, detectable_with
from analysis.statistics.sequential import Decided, Looks
from analysis.study.estimand import find
from analysis.study.scores import Scored, score
from analysis.study.sentences import sentence
from benchmark import metrics
from benchmark.metrics import Metric

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Arm b minus arm a in one metric of one block.

    Attributes:
        scored: the metric's values and covariance.
        a, b: positions of the arms in the block; a comes earlier, and is the baseline.
        inference: the difference, about what is asked of the block.
        adjusted_p: its p-value, corrected over the family; NaN where p-values are refused.
        margin: of equivalence, in the metric's units.
        equivalent_p: the p-value of a difference beyond the margin, corrected over the same family; NaN likewise.
        family: number of pairs in it, at least 1.
        looks: of the locked plan, and which of them this is; None where there is one look, at the end.
        decided: the look at which the verdict was first reached, where there are looks and it was.
    """

    scored: Scored
    a: int
    b: int
    inference: Inference
    adjusted_p: float
    margin: float
    equivalent_p: float = math.nan
    family: int = 1
    looks: Looks | None = None
    decided: Decided | None = None

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.scored.block.dataset

    @property
    def n_per_class(self) -> int:
        """Labelled images per class."""
        return self.scored.block.n_per_class

    @property
    def metric(self) -> Metric:
        """What is compared."""
        return self.scored.metric

    @property
    def arm_a(self) -> str:
        """The baseline."""
        return self.scored.block.arms[self.a]

    @property
    def arm_b(self) -> str:
        """The arm that is held against it."""
        return self.scored.block.arms[self.b]

    @property
    def seeds(self) -> int:
        """Number of training samples."""
        return len(self.scored.block.seeds)

    @property
    def estimate(self) -> float:
        """The difference b - a, in the metric's units."""
        return self.inference.estimate

    @property
    def seed_variance(self) -> float:
        """Sample variance of the difference over the seeds; NaN for one."""
        values = self.scored.values[self.b] - self.scored.values[self.a]
        return float(values.var(ddof=1)) if self.seeds > 1 else math.nan

    @property
    def for_models(self) -> bool:
        """Whether the comparison is about these trained models alone, and tested as such."""
        return self.scored.block.estimand == "models"

    @property
    def favours_b(self) -> bool:
        """Whether the difference speaks for arm b, in the metric's direction; not for a difference of zero."""
        return self.metric.sign * self.estimate > 0

    @property
    def interval(self) -> tuple[float, float]:
        """The interval about what is asked of the block: 95%, or over all looks together (`level`)."""
        return self.inference.interval(1 - self.level)

    @property
    def family_interval(self) -> tuple[float, float]:
        """The simultaneous 95% interval: all of the family's hold their differences together (Bonferroni)."""
        return self.inference.interval(1 - self.alpha)

    @property
    def level(self) -> float:
        """The level of one comparison: .05, or what a look spends of it.

        Intervals at the levels of all looks hold the difference at all of them together with 95%: repeated confidence
        intervals (Jennison and Turnbull, JRSS B 1989).
        """
        return ALPHA if self.looks is None else self.looks.level

    @property
    def alpha(self) -> float:
        """The level of the first step of the family's procedure."""
        return self.level / self.family

    @property
    def covariance(self) -> Floats:
        """(S, S) covariance of the seeds' differences over new patients, the trained models held fixed."""
        return self.scored.difference_covariance(self.a, self.b)

    @property
    def oriented(self) -> tuple[Floats, Floats]:
        """(S,) each: the values of a and of b, turned so that higher is better."""
        sign = self.metric.sign
        return sign * self.scored.values[self.a], sign * self.scored.values[self.b]

    @cached_property
    def equivalence(self) -> Equivalence:
        """The difference held against the margin."""
        return against(self.inference, self.margin)

    @cached_property
    def verdict(self) -> Verdict:
        """What may be said of arm b; what was decided at an earlier look stays decided."""
        inference = self.inference if self.decided is None else self.decided.inference
        return verdict(inference, self.adjusted_p, self.equivalent_p, self.metric.higher_is_better)

    def detectable(self, alpha: float) -> float:
        """The smallest true difference that is found with 80% power at two-sided `alpha`."""
        if self.seeds == 1 or self.for_models:
            return detectable(self.inference, alpha)
        return detectable_with(self.scored.components(self.a, self.b), self.seeds, 1, alpha=alpha)

    @property
    def sentence(self) -> str:
        """The comparison in one sentence, hedged as its verdict is."""
        return sentence(
            self.arm_a,
            self.arm_b,
            self.metric.label,
            self.inference,
            self.adjusted_p,
            self.verdict,
            self.equivalent_p,
            self.margin,
            self.seeds,
            self.family,
            self.looks,
            self.for_models,
        )


def compare_all(
    scored: Sequence[Scored], margin: float, adjust: Callable[[Sequence[float]], Floats] | None = None
) -> tuple[Comparison, ...]:
    """Every pair of arms of every block, corrected as one family: claims of difference and of equivalence together.

    Args:
        scored: one metric of several blocks.
        margin: of equivalence.
        adjust: another correction, of each kind's p-values by themselves.
    """
    pairs = [(block, a, b, block.pair(a, b)) for block in scored for a, b in block.pairs]
    p = [inference.p for *_, inference in pairs]
    beyond = [against(inference, margin).tost_p for *_, inference in pairs]
    adjusted, equivalent = family(p, beyond) if adjust is None else (adjust(p), adjust(beyond))
    count = int(np.sum(~np.isnan(p))) or max(len(pairs), 1)
    return tuple(
        Comparison(block, a, b, inference, float(different), margin, float(within), count)
        for (block, a, b, inference), different, within in zip(pairs, adjusted, equivalent, strict=True)
    )


def compare(
    predictions: Predictions, *, metric: str = "auroc", margin: float = 0.02, estimand: Estimand = "population"
) -> tuple[Comparison, ...]:
    """Compare all pairs of arms as one family.

    Args:
        predictions: as `read_predictions` gives them.
        metric: its name.
        margin: of equivalence, positive, in the metric's units.
        estimand: "population" or "pool", jointly over training samples (of new images, or from the same pool) and
            patients; or "models": these trained models on new patients, which takes no more than one seed.

    Returns:
        One comparison a pair of arms, by data set and n.

    Raises:
        InputError: an unknown metric or estimand.
    """
    wanted, asked = metrics.find(metric), find(estimand)
    return compare_all([score(block, wanted) for block in predictions.asked(asked).blocks], margin)
