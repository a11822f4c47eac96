"""Every difference pooled over the data sets, and what to expect of another one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from analysis.statistics.inference import quantile
from analysis.statistics.pooling import FEWEST, pool
from analysis.study.comparison import Comparison
from analysis.study.study import Study
from benchmark.seeds import rng_for

NAME = "pooled"
ORDER = 36
CHAPTER = "Main results"
TITLE = "Pooled over the data sets"
CAPTION = (
    "A random-effects model of the estimates of all data sets with this n (Paule and Mandel; Hartung, Knapp, "
    "Sidik and Jonkman): their mean, what to expect of a new data set (prediction interval), and each data set's own "
    "difference drawn towards the mean. tau: SD of the true differences between data sets. Exploratory: the data sets "
    "of a benchmark are no random sample of data sets, and no verdict rests on this table."
)
FOLDED = True

COLUMNS = ["n_per_class", "metric", "arm_a", "arm_b", "datasets", "estimate_for", "difference", "ci_low", "ci_high"]
COLUMNS += ["tau"]


def build(study: Study) -> pd.DataFrame | None:
    """Rows for every n and pair that three data sets or more have; None where there is none."""
    families: dict[tuple[int, str, str], list[Comparison]] = {}
    for comparison in study.comparisons:
        families.setdefault((comparison.n_per_class, comparison.arm_a, comparison.arm_b), []).append(comparison)
    rows = [row for family in families.values() for row in _rows(family, study.seed)]
    return pd.DataFrame(rows, columns=COLUMNS) if rows else None


def _rows(family: list[Comparison], seed: int) -> list[dict[str, object]]:
    """The mean, a new data set, and each data set that there is."""
    if len(family) < FEWEST or any(comparison.inference.se == 0 for comparison in family):
        return []
    first = family[0]
    estimates = np.array([comparison.estimate for comparison in family])
    variances = np.array([comparison.inference.se**2 for comparison in family])
    pair = f"{first.arm_a}|{first.arm_b}"
    pooled = pool(estimates, variances, rng_for(seed, "pooled", n=first.n_per_class, pair=pair))
    lines = [
        ("the mean over data sets", pooled.mean, pooled.low, pooled.high),
        ("a new data set", pooled.mean, pooled.new_low, pooled.new_high),
    ]
    normal = quantile(0.975, math.inf)
    for comparison, value, se in zip(family, pooled.shrunken, pooled.shrunken_se, strict=True):
        lines.append((f"{comparison.dataset}, shrunken", value, value - normal * se, value + normal * se))
    keys = {"n_per_class": first.n_per_class, "metric": first.metric.name, "arm_a": first.arm_a, "arm_b": first.arm_b}
    return [
        keys
        | {
            "datasets": len(family),
            "estimate_for": about,
            "difference": value,
            "ci_low": low,
            "ci_high": high,
            "tau": pooled.tau,
        }
        for about, value, low, high in lines
    ]
