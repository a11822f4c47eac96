"""The main tables: every arm, every pair of arms, for the primary metric and, apart, for the exploratory
ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.statistics import effects
from analysis.statistics.auc import newcombe_joint
from analysis.statistics.equivalence import against, verdict
from analysis.statistics.inference import Inference, logit_interval
from analysis.statistics.multiplicity import benjamini_hochberg, holm
from analysis.study import bootstrap
from analysis.study.scores import Scored
from analysis.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

FEW_CASES = 30  # in a class: below it, logit intervals of an AUROC are too short

ARMS = [
    "dataset",
    "n_per_class",
    "metric",
    "arm",
    "seeds",
    "estimate",
    "se",
    "df",
    "ci_low",
    "ci_high",
    "seed_sd",
]
PAIRWISE = ["dataset", "n_per_class", "metric", "arm_a", "arm_b", "seeds", "difference", "se", "df", "ci_low"]
PAIRWISE += ["ci_high", "p", "p_holm", "verdict", "hedges_g", "p_superior", "mdd", "rho"]
EXPLORATORY = [*PAIRWISE[:12], "q_bh", "hedges_g", "p_superior"]
BOOTSTRAP = [
    "dataset",
    "n_per_class",
    "metric",
    "arm_a",
    "arm_b",
    "resampled",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
]
BOOTSTRAP += ["p", "resamples", "redrawn"]


def arms(scored: Sequence[Scored]) -> pd.DataFrame:
    """One row an arm: its mean over seeds, with an interval for new seeds and new patients."""
    import pandas as pd

    rows = []
    for each in scored:
        for a, arm in enumerate(each.block.arms):
            found = each.arm(a)
            low, high = arm_interval(each, a)
            rows.append(
                keys(each)
                | {
                    "arm": arm,
                    "seeds": len(each.block.seeds),
                    "estimate": found.estimate,
                    "se": found.se,
                    "df": found.df,
                    "ci_low": low,
                    "ci_high": high,
                    "seed_sd": math.sqrt(found.seed_variance),
                }
            )
    return pd.DataFrame(rows, columns=ARMS)


def arm_interval(scored: Scored, a: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of one arm.

    On the logit scale for metrics in [0, 1]; Newcombe's method 5, with the seeds' variance added, for an
    AUROC with fewer than 30 positives or negatives or at its bounds; else, and for a bound without any
    variance, the t interval.
    """
    found = scored.arm(a)
    if scored.metric.kind == "auroc" and len(scored.block.columns) == 1:
        counts = scored.block.class_counts()
        fewest = min(counts[name] for name in scored.block.classes)
        if fewest < FEW_CASES or not 0 < found.estimate < 1:
            positives, negatives = counts[scored.block.classes[1]], counts[scored.block.classes[0]]
            return newcombe_joint(found, positives, negatives, level)
    if scored.metric.unit_interval and 0 < found.estimate < 1:
        return logit_interval(found, level)
    return found.interval(level)


def pairwise(scored: Sequence[Scored], margin: float) -> pd.DataFrame:
    """One row a pair of arms: b minus a, tested jointly over seeds and patients; Holm over the whole
    table."""
    import pandas as pd

    found = [(each, a, b, each.pair(a, b)) for each in scored for a, b in each.pairs]
    adjusted = holm([inference.p for *_, inference in found])
    rows = []
    for (each, a, b, inference), p_holm in zip(found, adjusted, strict=True):
        better = each.metric.higher_is_better
        rows.append(
            _pair_row(each, a, b, inference)
            | {
                "p_holm": p_holm,
                "verdict": verdict(inference, p_holm, margin, better),
                "mdd": effects.detectable(inference),
                "rho": each.block.rho,
            }
        )
    return pd.DataFrame(rows, columns=PAIRWISE)


def exploratory(study: Study) -> pd.DataFrame:
    """The same of every other metric: intervals, and Benjamini-Hochberg's q within a metric; no claim is
    made."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name in study.exploratory:
        found = [(each, a, b, each.pair(a, b)) for each in study.of(name) for a, b in each.pairs]
        adjusted = benjamini_hochberg([inference.p for *_, inference in found])
        for (each, a, b, inference), q in zip(found, adjusted, strict=True):
            rows.append(_pair_row(each, a, b, inference) | {"q_bh": q})
    return pd.DataFrame(rows, columns=EXPLORATORY)


def bootstrapped(study: Study) -> pd.DataFrame:
    """Percentile intervals of every arm and pair and metric: seeds and patients resampled, or patients alone.

    An arm's row has no `arm_b`; a pair's estimate is b minus a.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for block in study.blocks:
        for name in (study.primary.name, *study.exploratory):
            scored = block.scored[name]
            levels = {"seeds and patients": block.two_level(name), "patients": block.groups_only(name)}
            means = scored.values.mean(axis=1)
            singles = [(a, None) for a in range(len(means))]
            for a, b in [*singles, *scored.pairs]:
                for level, draws in levels.items():
                    if level.startswith("seeds") and len(scored.block.seeds) == 1:
                        continue
                    taken = draws[:, a] if b is None else draws[:, b] - draws[:, a]
                    interval = bootstrap.percentile(taken)
                    rows.append(
                        keys(scored)
                        | {
                            "arm_a": scored.block.arms[a],
                            "arm_b": "" if b is None else scored.block.arms[b],
                            "resampled": level,
                            "estimate": means[a] if b is None else means[b] - means[a],
                            "se": interval.se,
                            "ci_low": interval.low,
                            "ci_high": interval.high,
                            "p": math.nan if b is None else interval.p,
                            "resamples": len(taken),
                            "redrawn": block.redrawn,
                        }
                    )
    return pd.DataFrame(rows, columns=BOOTSTRAP)


def equivalence(scored: Sequence[Scored], margin: float, margins: Sequence[float]) -> pd.DataFrame:
    """Every pair against several margins: equivalence, non-inferiority of b, posterior probabilities.

    `p_below`, `p_within` and `p_above` are of theta < -margin, in between, and > margin, for theta ~ t_df(D,
    se).
    """
    import pandas as pd

    rows = []
    for each in scored:
        for a, b in each.pairs:
            inference = each.pair(a, b)
            for delta in sorted({*margins, margin}):
                held = against(inference, delta)
                low = held.noninferior if each.metric.higher_is_better else held.nonsuperior
                rows.append(
                    pair_keys(each, a, b)
                    | {
                        "margin": delta,
                        "primary": delta == margin,
                        "tost_p": held.tost_p,
                        "equivalent": held.equivalent,
                        "b_noninferior": low,
                        "p_below": held.below,
                        "p_within": held.within,
                        "p_above": held.above,
                    }
                )
    return pd.DataFrame(rows)


def effect_sizes(scored: Sequence[Scored]) -> pd.DataFrame:
    """Every pair's standardised differences over seeds, and P(B > A) on a new training sample, same
    patients."""
    import pandas as pd

    rows = []
    for each in scored:
        sign = 1 if each.metric.higher_is_better else -1
        for a, b in each.pairs:
            first, second = sign * each.values[a], sign * each.values[b]
            low, high = effects.superior_interval(first, second)
            rows.append(
                pair_keys(each, a, b)
                | {
                    "difference": float((each.values[b] - each.values[a]).mean()),
                    "hedges_g": effects.hedges_g(first, second),
                    "cliffs_delta": effects.cliffs_delta(first, second),
                    "p_superior": effects.superior_share(first, second),
                    "p_superior_low": low,
                    "p_superior_high": high,
                }
            )
    return pd.DataFrame(rows)


def keys(scored: Scored) -> dict[str, Any]:
    """The columns that say which comparison a row belongs to."""
    block = scored.block
    return {"dataset": block.dataset, "n_per_class": block.n_per_class, "metric": scored.metric.name}


def pair_keys(scored: Scored, a: int, b: int) -> dict[str, Any]:
    """`keys`, and the two arms."""
    return keys(scored) | {"arm_a": scored.block.arms[a], "arm_b": scored.block.arms[b]}


def _pair_row(scored: Scored, a: int, b: int, inference: Inference) -> dict[str, Any]:
    low, high = inference.interval()
    sign = 1 if scored.metric.higher_is_better else -1
    first, second = scored.values[a], scored.values[b]
    return pair_keys(scored, a, b) | {
        "seeds": len(scored.block.seeds),
        "difference": inference.estimate,
        "se": inference.se,
        "df": inference.df,
        "ci_low": low,
        "ci_high": high,
        "p": inference.p,
        "hedges_g": effects.hedges_g(first, second),
        "p_superior": effects.superior_share(np.asarray(sign * first), np.asarray(sign * second)),
    }
