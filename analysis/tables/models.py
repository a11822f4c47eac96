"""The models in words: size, input, and what they start from."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from analysis.study.models import models_of
from analysis.study.study import Study

NAME = "models"
ORDER = 210
CHAPTER = "How this was made"
TITLE = "Models"
CAPTION = (
    "Of the networks that predict the holdout: layers with weights (convolutions, linear maps), parameters, and those "
    "of them that training moved; a range where the search chose differently between seeds. In a frozen part batch "
    "normalisation is folded into the weights and not counted. Images come in with pixels in [0, 1], minus a mean, "
    "over a deviation. Then what they start from, what trained that (corpus), its licence, and the file's SHA-256."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row an arm of a data set; None without a run's folder."""
    rows = [asdict(model) for model in models_of(study)]
    return pd.DataFrame(rows) if rows else None
