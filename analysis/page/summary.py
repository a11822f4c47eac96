"""The main results as text, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.page.formats import plain

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page.head import Head

ARMS = ["dataset", "n_per_class", "arm", "seeds", "estimate", "ci_low", "ci_high", "seed_sd"]
PAIRWISE = ["dataset", "n_per_class", "arm_a", "arm_b", "difference", "ci_low", "ci_high", "p_holm", "verdict"]


def summary(head: Head, arms: pd.DataFrame, pairwise: pd.DataFrame) -> str:
    """The main tables and the sentences."""
    lines = [""]
    if head.synthetic:
        lines += [f"SYNTHETIC DATA ({', '.join(head.synthetic)}): nothing here is about real patients.", ""]
    lines += [*(f"WARNING: {warning}" for warning in head.warnings), *([""] if head.warnings else [])]
    metric = str(arms["metric"].iloc[0])
    kind = "repeated 95% intervals" if head.looks else "95% intervals"
    lines += [f"{metric}, {kind} for {head.about}", "", plain(arms[ARMS]), ""]
    if len(pairwise):
        lines += ["difference: b minus a", "", plain(pairwise[PAIRWISE]), ""]
    lines += [*head.looks, *([""] if head.looks else [])]
    for dataset, n, sentences in head.sentences:
        lines.append(f"{dataset}, n = {n}:")
        lines += [f"  - {sentence}" for sentence in sentences or ["one arm: there is nothing to compare"]]
    return "\n".join(lines) + "\n"
