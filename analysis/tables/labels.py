"""AUROC, sensitivity and specificity of every arm on every class or label by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from analysis.study.class_rates import ClassRates
from analysis.study.intervals import arm_interval
from analysis.study.rankings import Ranked
from analysis.study.scores import AUROC, Scored
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "labels"
ORDER = 24
CHAPTER = "Main results"
TITLE = "Every class or label by itself"
CAPTION = (
    "AUROC, sensitivity and specificity of each class or label against the rest, with 95% intervals for the estimand "
    "of the main results; of a binary task the positive class alone. Sensitivity and specificity are those of the "
    "default decision, which is set beforehand and not tuned: the class of the largest probability, a label at .5 or "
    "more; their intervals are Wilson's at the effective number of patients. positives and patients are those that "
    "have it. rank_best and rank_worst: confidence set of the rank by AUROC, simultaneous over the arms within the "
    "label, empty where nothing is tested. Exploratory: no verdict rests on this table, and it is not corrected for "
    "the number of labels."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row a label and arm."""
    labels = {(id(label.block), label.name): label for of_block in study.labels for label in of_block}
    rows: list[Row] = []
    for member, rates in zip(study.blocks, study.class_rates, strict=True):
        for of_class in rates:
            label = labels.get((id(member.block), of_class.name))
            scored = member.scored[AUROC] if label is None else label.scored
            rows += _rows(of_class, scored, [] if label is None else label.ranked)
    return pd.DataFrame(rows)


def _rows(rates: ClassRates, scored: Scored, ranks: list[Ranked]) -> Iterator[Row]:
    block, ranked = rates.block, {arm.a: arm for arm in ranks}
    for a, arm in enumerate(block.arms):
        low, high = arm_interval(scored, a)
        sensitivity, specificity = rates.sensitivity_of(a), rates.specificity_of(a)
        yield {
            "dataset": block.dataset,
            "n_per_class": block.n_per_class,
            "label": rates.name,
            "positives": rates.positives,
            "patients": rates.positive_patients,
            "arm": arm,
            "auroc": scored.values[a].mean(),
            "ci_low": low,
            "ci_high": high,
            **dict(zip(("sensitivity", "sensitivity_low", "sensitivity_high"), sensitivity, strict=True)),
            **dict(zip(("specificity", "specificity_low", "specificity_high"), specificity, strict=True)),
            "rank": ranked[a].rank if ranked else math.nan,
            "rank_best": ranked[a].best if ranked else math.nan,
            "rank_worst": ranked[a].worst if ranked else math.nan,
        }
