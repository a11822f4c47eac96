"""The sentence that says a comparison, hedged as its verdict is."""

from __future__ import annotations

import math

from analysis.statistics.equivalence import ALPHA, Verdict
from analysis.statistics.inference import Inference


def sentence(
    arm_a: str,
    arm_b: str,
    metric: str,
    inference: Inference,
    adjusted_p: float,
    verdict: Verdict,
    margin: float,
    seeds: int,
) -> str:
    """The comparison of arm b with arm a in one sentence.

    Args:
        arm_a, arm_b: names; the difference is b - a.
        metric: its label.
        inference: of the difference.
        adjusted_p: NaN where p-values are refused.
        verdict: what may be said of b.
        margin: of equivalence.
        seeds: number of training samples.
    """
    low, high = inference.interval()
    size = f"{inference.estimate:+.3f} (95% CI {low:+.3f} to {high:+.3f}"
    p = "" if math.isnan(adjusted_p) else f", Holm-adjusted p {_p_text(adjusted_p)}"
    if verdict in ("better", "worse"):
        return f"{arm_b} is {verdict} than {arm_a}: its {metric} differs by {size}{p})."
    if verdict == "equivalent":
        addition = ", though not zero" if adjusted_p < ALPHA else ""
        return (
            f"{arm_b} and {arm_a} are equivalent in {metric} within a margin of {margin:g}: the difference "
            f"is {size}; its 90% interval lies inside the margin{addition})."
        )
    if verdict == "inconclusive" and low <= 0 <= high:
        return (
            f"Whether {arm_b} differs from {arm_a} in {metric} remains open: the difference is {size}{p}); "
            f"the data rule out neither zero nor a difference of {margin:g}."
        )
    if verdict == "inconclusive":
        return (
            f"{arm_b} may differ from {arm_a} in {metric}: the difference is {size}{p}), which does not hold "
            "up against the number of comparisons."
        )
    kind = "one training sample" if seeds == 1 else f"only {seeds} training samples"
    return (
        f"{arm_b} minus {arm_a} in {metric} is {size}) from {kind}: not tested, as the variance between "
        "training samples is unknown."
    )


def _p_text(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".", 1)
