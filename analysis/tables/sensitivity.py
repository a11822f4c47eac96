"""The same differences by other methods, each under its own name."""

from __future__ import annotations

import pandas as pd

from analysis.study.methods import answers
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "sensitivity"
ORDER = 60
CHAPTER = "Sensitivity"
TITLE = "The same differences by other methods"
CAPTION = (
    "Only the first row of each pair is the primary analysis. generalises_to says what each interval is about: those "
    "that hold seeds or patients fixed are too narrow for a claim about new ones."
)
CAPTION_MODELS = (
    "Only the first row of each pair is the primary analysis: these trained models, new patients. generalises_to says "
    "what each interval is about; those about anything else answer another question."
)
FOLDED = True

COLUMNS = ["dataset", "n_per_class", "metric", "arm_a", "arm_b", "method", "seed", "generalises_to", "difference"]
COLUMNS += ["se", "df", "ci_low", "ci_high", "p", "note"]


def build(study: Study) -> pd.DataFrame:
    """One row a comparison and method, and for the tests of single seeds one a seed."""
    rows = []
    for comparison, answer in answers(study):
        row = pair_keys(comparison) | {
            "method": answer.method,
            "seed": answer.seed,
            "generalises_to": answer.generalises_to,
            "difference": answer.difference,
            "se": answer.se,
            "df": answer.df,
            "ci_low": answer.low,
            "ci_high": answer.high,
            "p": answer.p,
            "note": answer.note,
        }
        rows.append(row | ({"metric": answer.metric} if answer.metric else {}))
    return pd.DataFrame(rows, columns=COLUMNS)
