"""Percentile intervals of every arm, comparison and metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.study.bootstrap import percentile
from analysis.study.estimand import answered
from analysis.study.study import BlockStudy, Study
from analysis.tables._rows import Row, block_keys

NAME = "bootstrap"
ORDER = 140
CHAPTER = "Other metrics (exploratory)"
TITLE = "Bootstrap intervals"
CAPTION = (
    "Percentile intervals of every arm and pair from the same resamples of patients, with and without the seeds "
    "resampled; redrawn counts resamples that lacked a class."
)
CAPTION_MODELS = (
    "Percentile intervals of every arm and pair from the same resamples of patients, the trained models held fixed; "
    "redrawn counts resamples that lacked a class."
)
FOLDED = True

COLUMNS = ["dataset", "n_per_class", "metric", "arm_a", "arm_b", "resampled", "estimate", "se", "ci_low", "ci_high"]
COLUMNS += ["p", "resamples", "redrawn"]

Subject = tuple[int, int | None]  # an arm (a, None), or a comparison (a, b)


def build(study: Study) -> pd.DataFrame:
    """One row a metric, arm or comparison, and kind of resampling: seeds and patients, or patients alone.

    An arm's row has no `arm_b`; a comparison's estimate is b minus a.
    """
    rows: list[Row] = []
    for member in study.blocks:
        comparisons = study.comparisons_of(member.scored[study.primary.name])
        subjects: list[Subject] = [(a, None) for a in range(len(member.block.arms))]
        subjects += [(comparison.a, comparison.b) for comparison in comparisons]
        for name in (study.primary.name, *study.exploratory):
            rows += _rows(member, name, subjects)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(block: BlockStudy, metric: str, subjects: Sequence[Subject]) -> Iterator[Row]:
    """Those of one metric."""
    scored = block.scored[metric]
    levels = {"patients": block.groups_only(metric)}
    if answered(scored.block) != "models":
        levels = {"seeds and patients": block.two_level(metric), **levels}
    means = scored.values.mean(axis=1)
    names = scored.block.arms
    for a, b in subjects:
        for level, replicates in levels.items():
            draws = replicates[:, a] if b is None else replicates[:, b] - replicates[:, a]
            interval = percentile(draws)
            yield block_keys(scored) | {
                "arm_a": names[a],
                "arm_b": "" if b is None else names[b],
                "resampled": level,
                "estimate": means[a] if b is None else means[b] - means[a],
                "se": interval.se,
                "ci_low": interval.low,
                "ci_high": interval.high,
                "p": math.nan if b is None else interval.p,
                "resamples": len(draws),
                "redrawn": block.redrawn,
            }
