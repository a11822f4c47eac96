"""What may be said: equivalence, non-inferiority, posterior probabilities, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from analysis.statistics.inference import Inference

Verdict = Literal["better", "worse", "equivalent", "inconclusive", "not tested"]

ALPHA = 0.05
MARGINS = (0.01, 0.02, 0.03, 0.05)  # of the sensitivity table; the primary one is set before the holdout is opened


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A difference held against a margin.

    Attributes:
        margin: delta > 0; equivalent means within +-delta.
        tost_p: the larger of the two one-sided p-values (Schuirmann 1987), NaN where they are refused.
        equivalent: whether it is below alpha: the 90% interval lies within +-delta. Not corrected for the family;
            None where p-values are refused, as are the next two.
        noninferior, nonsuperior: whether the one p-value is: the interval's lower end lies above -delta; its upper end
            below delta.
        below, within, above: posterior probabilities of theta < -delta, in between, and > delta.
    """

    margin: float
    tost_p: float
    equivalent: bool | None
    noninferior: bool | None
    nonsuperior: bool | None
    below: float
    within: float
    above: float


def against(inference: Inference, margin: float) -> Equivalence:
    """Hold an inference against a margin. Raises `ValueError` where the margin is not positive."""
    if margin <= 0:
        raise ValueError(f"the margin is {margin}: it must be positive")
    refused = math.isnan(inference.p)
    above, under = inference.p_above(-margin), inference.p_below(margin)
    below, not_above = inference.probability_below(-margin), inference.probability_below(margin)
    return Equivalence(
        margin=margin,
        tost_p=max(above, under),
        equivalent=None if refused else max(above, under) < ALPHA,
        noninferior=None if refused else above < ALPHA,
        nonsuperior=None if refused else under < ALPHA,
        below=below,
        within=not_above - below,
        above=1 - not_above,
    )


def verdict(inference: Inference, adjusted_p: float, equivalent_p: float, higher_is_better: bool = True) -> Verdict:
    """One of four words on arm b, or "not tested" where p-values are refused.

    Equivalence comes first: a difference within the margin is called so however surely it is not zero.
    Absence of significance alone is "inconclusive", never "no difference".

    Args:
        inference: of the difference.
        adjusted_p: of no difference, corrected over the family.
        equivalent_p: of a difference beyond the margin, corrected over the same family.
        higher_is_better: of the metric.
    """
    if math.isnan(inference.p):
        return "not tested"
    if equivalent_p < ALPHA:
        return "equivalent"
    if adjusted_p < ALPHA:
        return "better" if (inference.estimate > 0) == higher_is_better else "worse"
    return "inconclusive"
