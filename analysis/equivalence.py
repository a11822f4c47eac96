"""What may be said: equivalence, non-inferiority, posterior probabilities, verdicts, and the sentence that
says it."""

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
        noninferior, nonsuperior: the 90% interval's lower end lies above -delta; its upper end below delta.
        below, within, above: posterior probabilities of theta < -delta, in between, and > delta.
    """

    margin: float
    tost_p: float
    equivalent: bool
    noninferior: bool
    nonsuperior: bool
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
        nonsuperior=high < margin,
        below=below,
        within=not_above - below,
        above=1 - not_above,
    )


def verdict(inference: Inference, adjusted_p: float, margin: float, higher_is_better: bool = True) -> Verdict:
    """One of four words on arm b, or "not tested" where p-values are refused.

    Equivalence comes first: a difference within the margin is called so however surely it is not zero.
    Absence of significance alone is "inconclusive", never "no difference".
    """
    if math.isnan(inference.p):
        return "not tested"
    if against(inference, margin).equivalent:
        return "equivalent"
    if adjusted_p < ALPHA:
        return "better" if (inference.estimate > 0) == higher_is_better else "worse"
    return "inconclusive"


def sentence(
    arm_a: str,
    arm_b: str,
    metric: str,
    inference: Inference,
    adjusted_p: float,
    margin: float,
    seeds: int,
    higher_is_better: bool = True,
) -> str:
    """The comparison of B with A in one sentence, hedged as its verdict is."""
    low, high = inference.interval()
    size = f"{inference.estimate:+.3f} (95% CI {low:+.3f} to {high:+.3f}"
    p = "" if math.isnan(adjusted_p) else f", Holm-adjusted p {_p(adjusted_p)}"
    said = verdict(inference, adjusted_p, margin, higher_is_better)
    if said in ("better", "worse"):
        return f"{arm_b} is {said} than {arm_a}: its {metric} differs by {size}{p})."
    if said == "equivalent":
        beside = ", though not zero" if adjusted_p < ALPHA else ""
        return (
            f"{arm_b} and {arm_a} are equivalent in {metric} within a margin of {margin:g}: the difference "
            f"is {size}; its 90% interval lies inside the margin{beside})."
        )
    if said == "inconclusive" and low <= 0 <= high:
        return (
            f"Whether {arm_b} differs from {arm_a} in {metric} remains open: the difference is {size}{p}); "
            f"the data rule out neither zero nor a difference of {margin:g}."
        )
    if said == "inconclusive":
        return (
            f"{arm_b} may differ from {arm_a} in {metric}: the difference is {size}{p}), which does not hold "
            "up against the number of comparisons."
        )
    kind = "one training sample" if seeds == 1 else f"only {seeds} training samples"
    return (
        f"{arm_b} minus {arm_a} in {metric} is {size}) from {kind}: not tested, as the variance between "
        "training samples is unknown."
    )


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".", 1)
