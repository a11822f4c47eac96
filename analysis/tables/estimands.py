"""The same difference as an answer to three questions: these models, this pool, the population."""

from __future__ import annotations

import math

import pandas as pd

from analysis.predictions.block import Estimand
from analysis.statistics.inference import FEWEST_SEEDS, Inference
from analysis.study.comparison import Comparison
from analysis.study.estimand import WORDS, answered
from analysis.study.study import Study
from analysis.tables._rows import pair_keys

NAME = "estimands"
ORDER = 25
CHAPTER = "Main results"
TITLE = "What a difference is claimed for"
CAPTION = (
    f"{WORDS['models']}: new patients, the trained models held fixed. {WORDS['pool']}: training samples drawn anew "
    f"from the same pool of images, too. {WORDS['population']}: training samples of new images; samples that overlap "
    "(rho) tell less about that, and its interval is an upper bound: at least three quarters of the variance between "
    "seeds are taken as the samples' own. Not corrected for the number of comparisons; "
    "primary is what the verdicts are about. p is empty where it may not be claimed: for new training samples, below "
    f"{FEWEST_SEEDS} seeds."
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
                    "estimand": WORDS[estimand],
                    "primary": estimand == answered(comparison.scored.block),
                    "rho": comparison.scored.block.rho if estimand == "population" else math.nan,
                    "difference": inference.estimate,
                    "se": inference.se,
                    "ci_low": low,
                    "ci_high": high,
                    "p": inference.p,
                }
            )
    return pd.DataFrame(rows) if rows else None


def _inferences(comparison: Comparison) -> list[tuple[Estimand, Inference]]:
    scored, estimands = comparison.scored, list[Estimand](["models"])
    if comparison.seeds > 1:
        estimands += ["pool", "population"] if scored.block.rho_known else ["pool"]
    return [(estimand, scored.pair(comparison.a, comparison.b, estimand)) for estimand in estimands]
