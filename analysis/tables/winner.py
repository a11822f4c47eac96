"""The arm that looks best, and what is left of it after the winner's curse."""

from __future__ import annotations

import pandas as pd

from analysis.statistics.selection import winners_bias
from analysis.study.arms_covariance import arms_covariance
from analysis.study.study import Study
from analysis.tables._rows import block_keys
from benchmark.seeds import rng_for

NAME = "winner"
ORDER = 25
CHAPTER = "Main results"
TITLE = "The best arm, and its winner's curse"
CAPTION = (
    "The arm with the best mean, and an estimate that takes into account that it was chosen for being best: the bias "
    "of the largest of several uncertain means, by a parametric bootstrap with the covariance of the means. "
    "It removes most of the bias where arms are close and nothing where one leads clearly. What an arm is worth is "
    "better judged on patients that did not choose it."
)
FOLDED = True

COLUMNS = ["dataset", "n_per_class", "metric", "arms", "best_arm", "estimate", "bias", "corrected"]


def build(study: Study) -> pd.DataFrame | None:
    """One row a block with two arms or more; None where there is none."""
    rows = []
    for scored in study.scored:
        block, sign = scored.block, scored.metric.sign
        means = scored.values.mean(axis=1)
        if len(means) < 2:
            continue
        rng = rng_for(study.seed, "winner", dataset=block.dataset, n=block.n_per_class)
        bias = sign * winners_bias(sign * means, arms_covariance(scored), rng)
        best = int((sign * means).argmax())
        rows.append(
            block_keys(scored)
            | {
                "arms": len(means),
                "best_arm": block.arms[best],
                "estimate": means[best],
                "bias": bias,
                "corrected": means[best] - bias,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS) if rows else None
