"""What the uncertainty of every difference is made of."""

from __future__ import annotations

import pandas as pd

from analysis.study.decomposition import decomposition
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "variance"
ORDER = 90
CHAPTER = "Sensitivity"
TITLE = "What the uncertainty is made of"
CAPTION = (
    "Variance of one seed's difference: training seeds, patients, and their interaction; the shares are of the "
    "variance of the mean. Negative components are estimates of something near zero."
)
CAPTION_MODELS = (
    "Variance of one seed's difference: training seeds, patients, and their interaction; the shares are of the "
    "variance of the mean for new patients, to which training does not add, as the trained models are held fixed. "
    "Negative components are estimates of something near zero."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a comparison; None where no block has two seeds, so that all of it is the patients'."""
    if all(comparison.seeds == 1 for comparison in study.comparisons):
        return None
    rows = []
    for comparison in study.comparisons:
        parts = decomposition(comparison)
        rows.append(
            pair_keys(comparison)
            | {
                "seeds": comparison.seeds,
                "variance_seeds": parts.seeds,
                "variance_patients": parts.patients,
                "variance_interaction": parts.interaction,
                "variance_of_mean": parts.of_mean,
                "share_seeds": parts.share_seeds,
                "share_patients": parts.share_patients,
                "share_interaction": parts.share_interaction,
            }
        )
    return pd.DataFrame(rows)
