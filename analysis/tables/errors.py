"""The most confident errors of every arm."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study

NAME = "errors"
ORDER = 28
CHAPTER = "Main results"
TITLE = "Most confident errors"
CAPTION = (
    "Of every arm the images whose wrong class has the largest mean probability over seeds and refits, at most one a "
    "patient. models_wrong: the share of the arm's models that get the image wrong; also_wrong: the arms whose mean "
    "does. An image is named by the first eight digits of the SHA-256 of the data set's name, a NUL byte and its "
    "sample_id: who has the data can find it, and nobody else. Such images may also be labelled wrongly."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row an error; None where nothing is wrong."""
    rows = [
        {
            "dataset": error.dataset,
            "n_per_class": error.n_per_class,
            "arm": error.arm,
            "image": error.image,
            "truth": error.truth,
            "predicted": error.given,
            "probability": error.probability,
            "models_wrong": error.share,
            "also_wrong": ", ".join(error.others),
        }
        for of_block in study.errors
        for error in of_block
    ]
    return pd.DataFrame(rows) if rows else None
