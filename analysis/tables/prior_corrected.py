"""What the other metrics would be, were training as prevalent as the holdout."""

from __future__ import annotations

import pandas as pd

from analysis.statistics.inference import Inference
from analysis.study.intervals import arm_interval
from analysis.study.study import Study
from analysis.tables._rows import Row, block_keys

NAME = "prior_corrected"
ORDER = 142
CHAPTER = "Other metrics (exploratory)"
TITLE = "Corrected to the holdout's prevalence"
CAPTION = (
    "Training draws as many images of every class, the holdout does not: probabilities and default thresholds are off "
    "by the ratio of the priors. as_is: as the models give them. corrected: odds multiplied by that ratio (Saerens et "
    "al. 2002), the holdout's prior taken as known. change: corrected less as_is. All with 95% intervals. "
    "training_prior says where the prior of training comes from; labels for which it is not recorded are left out. "
    "Metrics of ranks hardly change, and are not repeated."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a metric and arm; None where no block's scores can be corrected."""
    rows = []
    for part in study.corrected:
        for name, scored in part.scored.items():
            for a, arm in enumerate(scored.block.arms):
                rows.append(
                    block_keys(scored)
                    | {"arm": arm, "seeds": len(scored.block.seeds)}
                    | _columns("as_is", part.twice[name].arm(a), arm_interval(part.twice[name], a))
                    | _columns("corrected", scored.arm(a), arm_interval(scored, a))
                    | _columns("change", part.change(name, a), part.change(name, a).interval())
                    | {"training_prior": part.correction.source}
                )
    return pd.DataFrame(rows) if rows else None


def _columns(name: str, inference: Inference, interval: tuple[float, float]) -> Row:
    return {name: inference.estimate, f"{name}_low": interval[0], f"{name}_high": interval[1]}
