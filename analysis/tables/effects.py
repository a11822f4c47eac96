"""Standardised differences, and how often an arm beats another."""

from __future__ import annotations

import pandas as pd

from analysis.statistics import effects
from analysis.study.about import models_fixed
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "effects"
ORDER = 110
CHAPTER = "Sensitivity"
TITLE = "Effect sizes"
CAPTION = (
    "Hedges's g (average SD of the seeds, small-sample factor for paired values), Cliff's delta over seeds, and the "
    "probability that b beats a on a new training sample, same patients (Wilson's interval). Effects are positive "
    "where b is better, whichever way the metric runs; the difference is in the metric's own units."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a comparison; positive effects speak for arm b, in the metric's direction.

    None where the trained models are held fixed: effect sizes over seeds are about new training samples.
    """
    if models_fixed(study):
        return None
    rows = []
    for comparison in study.comparisons:
        a, b = comparison.oriented
        low, high = effects.superior_interval(a, b)
        rows.append(
            pair_keys(comparison)
            | {
                "difference": comparison.estimate,
                "hedges_g": effects.hedges_g(a, b),
                "cliffs_delta": effects.cliffs_delta(a, b),
                "p_superior": effects.superior_share(a, b),
                "p_superior_low": low,
                "p_superior_high": high,
            }
        )
    return pd.DataFrame(rows)
