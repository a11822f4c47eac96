"""The same difference as an answer to three questions: these models, this pool, the population."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.inference import FEWEST_SEEDS, Inference
from analysis.study.comparison import Comparison
from analysis.study.scores import THE_POPULATION, THESE_MODELS, THIS_POOL
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "estimands"
ORDER = 25
CHAPTER = "Main results"
TITLE = "What a difference is claimed for"
CAPTION = (
    f"{THESE_MODELS}: new patients, the trained models held fixed. {THIS_POOL}: training samples drawn anew from the "
    f"same pool of images, too. {THE_POPULATION}: training samples of new images; samples that overlap (rho) tell less "
    "about that, and its interval is an upper bound. Not corrected for the number of comparisons; primary is what the "
    f"verdicts are about. p is empty where it may not be claimed: for new training samples, below {FEWEST_SEEDS} seeds."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame | None:
    """One row a comparison and estimand, those that its seeds and their overlap allow; None without comparisons."""
    rows = []
    for comparison in study.comparisons:
        for estimand, inference in _inferences(comparison):
            low, high = inference.interval()
            rows.append(
                pair_keys(comparison)
                | {
                    "estimand": estimand,
                    "primary": estimand == comparison.scored.estimand,
                    "rho": comparison.scored.block.rho if estimand == THE_POPULATION else math.nan,
                    "difference": inference.estimate,
                    "se": inference.se,
                    "ci_low": low,
                    "ci_high": high,
                    "p": inference.p,
                }
            )
    return pd.DataFrame(rows) if rows else None


def _inferences(comparison: Comparison) -> list[tuple[str, Inference]]:
    scored, a, b = comparison.scored, comparison.a, comparison.b
    inferences = [(THESE_MODELS, scored.pair_of_these_models(a, b))]
    if comparison.seeds > 1:
        inferences.append((THIS_POOL, scored.pair(a, b, 0.0)))
        if scored.block.rho_known:
            inferences.append((THE_POPULATION, comparison.inference))
    return inferences
