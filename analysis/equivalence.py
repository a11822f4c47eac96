"""What may be said: equivalence, non-inferiority, posterior probabilities, verdicts, and the sentence that says it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from analysis.inference import Inference

Verdict = Literal["better", "worse", "equivalent", "inconclusive", "not tested"]

ALPHA = 0.05
MARGINS = (
    0.01,
    0.02,
    0.03,
    0.05,
)  # of the sensitivity table; the primary one is set before the holdout is opened


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A difference held against a margin.

    Attributes:
        margin: delta > 0; equivalent means within +-delta.
        tost_p: the larger of the two one-sided p-values (Schuirmann 1987): below alpha, equivalent.
        equivalent: the 90% interval lies within +-delta.
        noninferior: the 90% interval's lower end lies above -delta.
        below, within, above: posterior probabilities of theta < -delta, in between, and > delta.
    """

    margin: float
    tost_p: float
    equivalent: bool
    noninferior: bool
    below: float
    within: float
    above: float


def against(inference: Inference, margin: float) -> Equivalence:
    """Hold an inference against a margin. Raises `ValueError` where the margin is not positive."""
    if margin <= 0:
        raise ValueError(f"the margin is {margin}: it must be positive")
    low, high = inference.interval(1 - 2 * ALPHA)
    below = inference.probability_below(-margin)
    not_above = inference.probability_below(margin)
    return Equivalence(
        margin=margin,
        tost_p=max(below, 1 - not_above),
        equivalent=-margin < low and high < margin,
        noninferior=low > -margin,
        below=below,
        within=not_above - below,
        above=1 - not_above,
    )


def verdict(inference: Inference, adjusted_p: float, margin: float) -> Verdict:
    """One of four words, or "not tested" where p-values are refused.

    Equivalence comes first: a difference within the margin is called so however surely it is not zero. Absence of
    significance alone is "inconclusive", never "no difference".
    """
    if math.isnan(inference.p):
        return "not tested"
    if against(inference, margin).equivalent:
        return "equivalent"
    if adjusted_p < ALPHA:
        return "better" if inference.estimate > 0 else "worse"
    return "inconclusive"


def sentence(
    arm_a: str, arm_b: str, metric: str, inference: Inference, adjusted_p: float, margin: float, seeds: int
) -> str:
    """The comparison of B with A in one sentence, hedged as its verdict is."""
    low, high = inference.interval()
    size = f"{inference.estimate:+.3f} (95% CI {low:+.3f} to {high:+.3f}"
    p = "" if math.isnan(adjusted_p) else f", Holm-adjusted p {_p(adjusted_p)}"
    said = verdict(inference, adjusted_p, margin)
    if said == "better":
        return f"{arm_b} has a higher {metric} than {arm_a}, by {size}{p})."
    if said == "worse":
        return f"{arm_b} has a lower {metric} than {arm_a}, by {size}{p})."
    if said == "equivalent":
        return (
            f"{arm_b} and {arm_a} are equivalent in {metric} within a margin of {margin:g}: the difference is "
            f"{size}; 90% interval inside the margin)."
        )
    if said == "inconclusive":
        return (
            f"Whether {arm_b} differs from {arm_a} in {metric} remains open: the difference is {size}{p}), so "
            f"the data allow both a difference larger than {margin:g} and none."
            if low < 0 < high
            else f"{arm_b} may differ from {arm_a} in {metric}: the difference is {size}{p}), which does not hold up "
            "against the number of comparisons."
        )
    kind = "this one training sample" if seeds == 1 else f"only {seeds} training samples"
    return f"The difference between {arm_b} and {arm_a} in {metric} is {size}) from {kind}: not tested."


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".", 1)
