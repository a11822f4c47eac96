"""The main results as text, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analysis.page.formats import plain

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page.head import Head

ARMS = ["dataset", "n_per_class", "arm", "seeds", "estimate", "ci_low", "ci_high", "seed_sd"]
RANKS = ["dataset", "n_per_class", "arm", "rank", "rank_best", "rank_worst", "estimate", "ci_low", "ci_high"]
PAIRWISE = ["dataset", "n_per_class", "arm_a", "arm_b", "difference", "ci_low", "ci_high", "p_holm", "verdict"]
MOST_PAIRS = 40  # that are printed
#: column -> its only value where it says nothing and is left out: of tables without n, and of models of one seed.
SILENT = {"n_per_class": 0, "seeds": 1}


def summary(head: Head, frames: Mapping[str, pd.DataFrame]) -> str:
    """The main tables and the sentences; of many arms their order instead of all pairs."""
    arms, pairwise = frames["arms"], frames["pairwise"]
    lines = [""]
    if head.synthetic:
        lines += [f"SYNTHETIC DATA ({', '.join(head.synthetic)}): nothing here is about real patients.", ""]
    lines += [*(f"WARNING: {warning}" for warning in head.warnings), *([""] if head.warnings else [])]
    metric = str(arms["metric"].iloc[0])
    kind = "repeated 95% intervals" if head.looks else "95% intervals"
    lines += [f"{metric}, {kind} for {head.about}", ""]
    many = len(pairwise) > MOST_PAIRS and "rank_sets" in frames
    if not (many and len(frames["rank_sets"]) == len(arms) and (arms["seeds"] == 1).all()):
        lines += [_shown(arms, ARMS), ""]
    if many:
        lines += ["in order, with the ranks that the data leave open (all arms together)", ""]
        lines += [_shown(frames["rank_sets"], RANKS), "", f"{len(pairwise)} differences: tables/pairwise.csv", ""]
    elif len(pairwise):
        note = "difference: b minus a; each interval by itself, p and verdict corrected over all of them"
        lines += [note if len(pairwise) > 1 else "difference: b minus a", "", _shown(pairwise, PAIRWISE), ""]
    lines += [*head.looks, *([""] if head.looks else [])]
    lines += [f"{dataset}: {paragraph}\n" for dataset, _, paragraph in head.answers]
    for dataset, n, sentences in head.sentences:
        lines.append(f"{dataset}, n = {n}:" if n else f"{dataset}:")
        lines += [f"  - {sentence}" for sentence in sentences or ["one arm: there is nothing to compare"]]
    return "\n".join(lines) + "\n"


def _shown(frame: pd.DataFrame, columns: list[str]) -> str:
    silent = {name for name, value in SILENT.items() if name in columns and (frame[name] == value).all()}
    if "seeds" in silent:
        silent.add("seed_sd")
    return plain(frame[[name for name in columns if name not in silent]])
