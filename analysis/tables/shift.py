"""The same arms on two holdouts: an official test set may differ from the data that a model was made from."""

from __future__ import annotations

import math

import pandas as pd

from analysis.predictions.block import Predictions
from analysis.statistics.inference import Inference
from analysis.study.scores import score
from analysis.study.study import Study
from analysis.tables._rows import block_keys

NAME = "shift"
ORDER = 40
CHAPTER = "Main results"
TITLE = "The same arms on another holdout"
CAPTION = (
    "shift: mean on this run's holdout minus that on the other's, with an interval that takes the runs as independent. "
    "An official test set can differ from the data that it came with; a patient-disjoint share of everything cannot."
)

UNKNOWN = "not said"


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm that was judged on two holdouts of one data set, at the same n; None without another holdout.

    The two runs' estimates are taken as independent, which makes the interval too wide rather than too short where
    they share patients.
    """
    if study.other is None:
        return None
    others = {(block.dataset, block.n_per_class): block for block in study.other.blocks}
    rows = []
    for scored in study.scored:
        block = scored.block
        holdout, other_holdout = (
            _holdout(predictions, block.dataset) for predictions in (study.predictions, study.other)
        )
        other_block = others.get((block.dataset, block.n_per_class))
        if other_block is None or holdout == other_holdout != UNKNOWN:
            continue
        other = score(other_block, scored.metric)
        for a, arm in enumerate(block.arms):
            if arm not in other_block.arms:
                continue
            mine, theirs = scored.arm(a), other.arm(other_block.arms.index(arm))
            shift = _minus(mine, theirs)
            low, high = shift.interval()
            rows.append(
                block_keys(scored)
                | {
                    "arm": arm,
                    "holdout": holdout,
                    "estimate": mine.estimate,
                    "other_holdout": other_holdout,
                    "other_estimate": theirs.estimate,
                    "shift": shift.estimate,
                    "se": shift.se,
                    "df": shift.df,
                    "ci_low": low,
                    "ci_high": high,
                }
            )
    return pd.DataFrame(rows)


def _holdout(predictions: Predictions, dataset: str) -> str:
    return str(predictions.facts.get(dataset, {}).get("holdout", UNKNOWN))


def _minus(first: Inference, second: Inference) -> Inference:
    """The difference of two independent estimates; df by Welch and Satterthwaite (Biometrika 1947)."""
    variances = [inference.se**2 for inference in (first, second)]
    total = sum(variances)
    spread = sum(variance**2 / inference.df for variance, inference in zip(variances, (first, second), strict=True))
    df = total**2 / spread if spread > 0 else math.inf
    # Only the interval is wanted: no test was planned, and the parts of the variance are those of two studies.
    return Inference(first.estimate - second.estimate, math.sqrt(total), df, math.nan, math.nan, math.nan, math.nan)
