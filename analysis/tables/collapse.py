"""Failed training runs of every arm, with the median beside the mean."""

from __future__ import annotations

import pandas as pd

from analysis.statistics.collapse import clopper_pearson, median_interval
from analysis.study.collapse import runs_of_arms
from analysis.study.study import Study
from analysis.tables._rows import block_keys

NAME = "collapse"
ORDER = 25
CHAPTER = "Main results"
TITLE = "Collapsed training runs"
CAPTION = (
    "A training run counts as collapsed where its holdout AUROC cannot be told from .5 (one-sided 95% DeLong bound), "
    "or where, with three or more seeds, it lies more than 5 robust SDs (1.4826 MAD, at least the margin and the "
    "patients' noise) below the arm's median. failure: their share, an estimate for new training runs, with the exact "
    "95% interval (Clopper-Pearson). median_low and median_high: 95% interval of the median over training runs on "
    "these patients, from order statistics; it takes 6 seeds."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm; None where the trained models are held fixed: the next training run is another question."""
    if study.estimand == "models":
        return None
    rows = []
    for runs in runs_of_arms(study):
        scored, seeds = runs.scored, runs.scored.block.seeds
        values = scored.values[runs.a]
        low, high = median_interval(values)
        failed = [str(seeds[s]) for s in runs.collapsed]
        failure_low, failure_high = clopper_pearson(len(failed), len(seeds))
        rows.append(
            block_keys(scored)
            | {
                "arm": runs.arm,
                "seeds": len(seeds),
                "mean": values.mean(),
                "median": pd.Series(values).median(),
                "median_low": low,
                "median_high": high,
                "worst": (scored.metric.sign * values).min() * scored.metric.sign,
                "collapsed": len(failed),
                "collapsed_seeds": ", ".join(failed),
                "failure": len(failed) / len(seeds),
                "failure_low": failure_low,
                "failure_high": failure_high,
            }
        )
    return pd.DataFrame(rows)
