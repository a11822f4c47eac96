"""What more seeds, or more patients, would find."""

from __future__ import annotations

import math

import pandas as pd

from analysis.statistics.power import detectable, detectable_with
from analysis.study.comparison import Comparison
from analysis.study.study import Study
from analysis.tables._rows import Row, pair_keys

NAME = "power"
ORDER = 100
CHAPTER = "Sensitivity"
TITLE = "Buy seeds or buy patients?"
CAPTION = (
    "Minimum detectable difference (80% power) with other numbers of seeds, and of patients as multiples of this "
    "holdout, at the level alpha that the first step of the correction uses: .05 over the number of comparisons. inf "
    "seeds: the floor that no number of training runs goes below."
)
CAPTION_MODELS = (
    "Minimum detectable difference (80% power) between these trained models with other numbers of patients, as "
    "multiples of this holdout, at the level alpha that the first step of the correction uses: .05 over the number of "
    "comparisons."
)
FOLDED = True

SEEDS = (3, 5, 10, 20, 50, math.inf)
FACTORS = (0.5, 1, 2, 4, 10)


def build(study: Study) -> pd.DataFrame:
    """One row a comparison and number of seeds, of two or more; of fixed models, whose seeds are given, one row."""
    rows = []
    for comparison in study.comparisons:
        if comparison.for_models:
            rows.append(_of_models(comparison))
        if comparison.for_models or comparison.seeds < 2:
            continue
        scored = comparison.scored
        parts = scored.components(comparison.a, comparison.b)
        for seeds in SEEDS:
            row = pair_keys(comparison) | {
                "seeds": "inf" if math.isinf(seeds) else str(seeds),
                "patients_now": scored.block.group_count,
                "alpha": comparison.alpha,
            }
            smallest = {
                f"patients_x{factor:g}": detectable_with(parts, seeds, factor, alpha=comparison.alpha)
                for factor in FACTORS
            }
            rows.append(row | smallest)
    return pd.DataFrame(rows)


def _of_models(comparison: Comparison) -> Row:
    now = detectable(comparison.inference, comparison.alpha)
    return pair_keys(comparison) | {
        "seeds": f"these {comparison.seeds}" if comparison.seeds > 1 else "this 1",
        "patients_now": comparison.scored.block.group_count,
        "alpha": comparison.alpha,
        **{f"patients_x{factor:g}": now / math.sqrt(factor) for factor in FACTORS},
    }
