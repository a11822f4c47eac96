"""The sentence that says a comparison, hedged as its verdict is."""

from __future__ import annotations

import math

from analysis.statistics.equivalence import ALPHA, Verdict
from analysis.statistics.inference import Inference
from analysis.statistics.sequential import Looks

FIXED = "these trained models on new patients"  # what a comparison is about that holds the models fixed
INSTEAD = f"--estimand models tests {FIXED}"  # where there are too few seeds for anything else


def sentence(
    arm_a: str,
    arm_b: str,
    metric: str,
    inference: Inference,
    adjusted_p: float,
    verdict: Verdict,
    equivalent_p: float,
    margin: float,
    seeds: int,
    family: int = 1,
    looks: Looks | None = None,
    for_models: bool = False,
) -> str:
    """The comparison of arm b with arm a in one sentence, with the simultaneous interval where it is one of several.

    Args:
        arm_a, arm_b: names; the difference is b - a.
        metric: its label.
        inference: of the difference.
        adjusted_p: of no difference, corrected over the family; NaN where p-values are refused.
        verdict: what may be said of b.
        equivalent_p: of a difference beyond the margin, corrected over the family.
        margin: of equivalence.
        seeds: number of training samples.
        family: number of pairs in it.
        looks: of the locked plan, where it has any: the interval is then a repeated one.
        for_models: whether it is about the trained models alone, which is then said.
    """
    low, high = inference.interval(1 - (ALPHA if looks is None else looks.level) / family)
    several = "" if family == 1 else f", simultaneous over {family} comparisons"
    kind = "95% CI" if looks is None else "repeated 95% CI"
    size = f"{inference.estimate:+.3f} ({kind} {low:+.3f} to {high:+.3f}{several}"
    single = family == 1 and looks is None
    p = "" if math.isnan(adjusted_p) else f", {'' if single else 'corrected '}p {_p_text(adjusted_p)}"
    about = f", {FIXED}" if for_models else ""
    aside = f"{about}," if for_models else ""
    if verdict in ("better", "worse"):
        return f"{arm_b} is {verdict} than {arm_a}{about}: its {metric} differs by {size}{p})."
    if verdict == "equivalent":
        addition = ", though it is not zero" if adjusted_p < ALPHA else ""
        return (
            f"{arm_b} and {arm_a} are equivalent in {metric}{about}: the difference lies within a margin of {margin:g} "
            f"({'' if single else 'corrected '}p {_p_text(equivalent_p)}){addition}; it is {size})."
        )
    if verdict == "inconclusive" and low <= 0 <= high:
        return (
            f"Whether {arm_b} differs from {arm_a} in {metric}{aside} remains open: the difference is {size}{p}); "
            f"the data rule out neither zero nor a difference of {margin:g}."
        )
    if verdict == "inconclusive":
        return (
            f"{arm_b} may differ from {arm_a} in {metric}{about}, which the data do not decide: the difference is "
            f"{size}{p})."
        )
    sample = "one training sample" if seeds == 1 else f"only {seeds} training samples"
    return (
        f"{arm_b} minus {arm_a} in {metric} is {size}) from {sample}: not tested, as the variance between "
        f"training samples is unknown; {INSTEAD}."
    )


def _p_text(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".", 1)
