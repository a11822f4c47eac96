"""The same arms on two holdouts: an official test set may differ from the data that a model was made from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.predictions.block import Predictions
from analysis.statistics.inference import Inference
from analysis.study.scores import Scored, score

if TYPE_CHECKING:
    import pandas as pd


def table(scored: Sequence[Scored], mine: Predictions, other: Predictions) -> pd.DataFrame:
    """One row an arm that was judged on two holdouts of one data set, at the same n.

    The two runs' estimates are taken as independent, which makes the interval too wide rather than too short
    where they share patients. Its df are Welch and Satterthwaite's (Biometrika 1947).

    Args:
        scored: one metric of this report's blocks.
        mine: the predictions that they come from; their notes name the holdout.
        other: those of the other run.
    """
    import pandas as pd

    there = {(block.dataset, block.n_per_class): block for block in other.blocks}
    rows = []
    for each in scored:
        block = each.block
        name = block.dataset
        holdouts = [str(found.facts.get(name, {}).get("holdout", "not said")) for found in (mine, other)]
        beside = there.get((name, block.n_per_class))
        if beside is None or (holdouts[0] == holdouts[1] != "not said"):
            continue
        again = score(beside, each.metric.name)
        for arm in block.arms:
            if arm not in beside.arms:
                continue
            first, second = each.arm(block.arms.index(arm)), again.arm(beside.arms.index(arm))
            shift = _minus(first, second)
            low, high = shift.interval()
            rows.append(
                {
                    "dataset": name,
                    "n_per_class": block.n_per_class,
                    "metric": each.metric.name,
                    "arm": arm,
                    "holdout": holdouts[0],
                    "estimate": first.estimate,
                    "other_holdout": holdouts[1],
                    "other_estimate": second.estimate,
                    "shift": shift.estimate,
                    "se": shift.se,
                    "df": shift.df,
                    "ci_low": low,
                    "ci_high": high,
                }
            )
    return pd.DataFrame(rows)


def _minus(first: Inference, second: Inference) -> Inference:
    """The difference of two independent estimates."""
    variances = [found.se**2 for found in (first, second)]
    total = sum(variances)
    spread = sum(variance**2 / found.df for variance, found in zip(variances, (first, second), strict=True))
    df = total**2 / spread if spread > 0 else math.inf
    # Only the interval is wanted: no test was planned, and the parts of the variance are those of two studies.
    return Inference(first.estimate - second.estimate, math.sqrt(total), df, math.nan, math.nan, math.nan, math.nan)
