"""Rows and keys that several tables share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.statistics import effects
from analysis.statistics.inference import Inference
from analysis.study.comparison import Comparison
from analysis.study.intervals import arm_interval
from analysis.study.scores import Scored

ARM_COLUMNS = (
    "dataset",
    "n_per_class",
    "metric",
    "arm",
    "seeds",
    "estimate",
    "se",
    "df",
    "ci_low",
    "ci_high",
    "seed_sd",
    "estimand",
)
PAIR_COLUMNS = (
    "dataset",
    "n_per_class",
    "metric",
    "arm_a",
    "arm_b",
    "seeds",
    "difference",
    "se",
    "df",
    "ci_low",
    "ci_high",
    "p",
)
CLAIM_COLUMNS = (
    *PAIR_COLUMNS,
    "p_holm",
    "verdict",
    "hedges_g",
    "p_superior",
    "mdd",
    "rho",
    "p_equivalent",
    "ci_low_family",
    "ci_high_family",
    "mdd_unadjusted",
    "estimand",
)

Row = dict[str, Any]


def block_keys(scored: Scored) -> Row:
    """The columns that say which block and metric a row is about."""
    block = scored.block
    return {"dataset": block.dataset, "n_per_class": block.n_per_class, "metric": scored.metric.name}


def pair_keys(comparison: Comparison) -> Row:
    """`block_keys`, and the two arms."""
    return block_keys(comparison.scored) | {"arm_a": comparison.arm_a, "arm_b": comparison.arm_b}


def arm_row(scored: Scored, a: int, level: float = 0.95) -> Row:
    """`ARM_COLUMNS` of arm a."""
    inference, values = scored.arm(a), scored.values[a]
    low, high = arm_interval(scored, a, level)
    return block_keys(scored) | {
        "arm": scored.block.arms[a],
        "seeds": len(scored.block.seeds),
        "estimand": scored.estimand,
        "estimate": inference.estimate,
        "se": inference.se,
        "df": inference.df,
        "ci_low": low,
        "ci_high": high,
        "seed_sd": float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
    }


def pair_row(comparison: Comparison) -> Row:
    """`PAIR_COLUMNS` of a comparison, and its effect sizes, positive where b is better in the metric's direction."""
    inference = comparison.inference
    low, high = comparison.interval
    return pair_keys(comparison) | {
        "seeds": comparison.seeds,
        "estimand": comparison.scored.estimand,
        "difference": inference.estimate,
        "se": inference.se,
        "df": inference.df,
        "ci_low": low,
        "ci_high": high,
        "p": inference.p,
        "hedges_g": effects.hedges_g(*comparison.oriented),
        "p_superior": effects.superior_share(*comparison.oriented) if comparison.seeds > 1 else math.nan,
    }


def claim_row(comparison: Comparison) -> Row:
    """`CLAIM_COLUMNS` of a comparison: `pair_row`, and what is claimed within its family."""
    return pair_row(comparison) | {
        "p_holm": comparison.adjusted_p,
        "verdict": comparison.verdict,
        "mdd": comparison.detectable(comparison.alpha),
        "rho": comparison.scored.block.rho if comparison.seeds > 1 else math.nan,
        "p_equivalent": comparison.equivalent_p,
        "ci_low_family": comparison.family_interval[0],
        "ci_high_family": comparison.family_interval[1],
        "mdd_unadjusted": comparison.detectable(comparison.level),
    }


def interval_columns(inference: Inference) -> Row:
    """Standard error, degrees of freedom and both ends of the 95% interval."""
    low, high = inference.interval()
    return {"se": inference.se, "df": inference.df, "ci_low": low, "ci_high": high}
