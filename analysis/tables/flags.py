"""What would make the budgets unfair, checked for every arm: chance, edges of ranges, curves that still rise."""

from __future__ import annotations

import pandas as pd

from analysis.study.edges import EDGE
from analysis.study.flags import NO_BETTER_THAN_CHANCE, chances, value_text
from analysis.study.rising import RISING
from analysis.study.study import Study

NAME = "flags"
ORDER = 155
CHAPTER = "Budget"
TITLE = "Was the budget fair?"
CAPTION = (
    "chance: the AUROC on the holdout, flagged where it is below "
    f"{NO_BETTER_THAN_CHANCE:g}, or half of the training runs cannot be told from .5 (cells; one-sided 95% DeLong "
    f"bound). edge: the cells whose best trial lies at an end of a dimension (the last {EDGE:.0%} "
    "of a range on its own scale, the last value of a grid), flagged in more than a third of the cells where that is "
    "more than luck (binomial test, after Sidak for the ends of the arm); listed but never flagged are natural ends "
    "(no augmentation, its full strength, no label smoothing) and choices, whose values are alternatives. rise: by "
    "how much trials in the last fifth of the range of epochs (on the log scale) are better in validation than those "
    "in the fifth before, the better half of either, mean over cells: whole fits are compared, as the decay of the "
    "learning rate lets every fit rise at its end. Flagged where it lies above "
    f"{RISING:g}, and by its 95% t interval above 0."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a check; ends of ranges without a best trial are left out. None without trials."""
    if study.trials is None:
        return None
    rows = [
        _keys(chance) | {"check": "chance", "estimate": chance.auroc, "ci_low": chance.low, "ci_high": chance.high}
        | {"cells": chance.cells, "of": chance.of, "flagged": chance.flagged}
        for chance in chances(study)
    ]  # fmt: skip
    rows += [
        _keys(edge)
        | {"check": "edge", "where": f"{edge.dimension}, {edge.end} end", "end": value_text(edge.value)}
        | {"cells": edge.cells, "of": edge.of, "share": edge.cells / edge.of, "flagged": edge.flagged}
        for edge in study.edges
        if edge.cells
    ]
    rows += [
        _keys(rise)
        | {"check": "rise", "where": f"{rise.trials} trials near the cap", "of": rise.cells}
        | {"estimate": rise.gain, "se": rise.se, "flagged": rise.flagged}
        for rise in study.rises
    ]
    columns = ["dataset", "n_per_class", "arm", "check", "flagged", "where", "end", "cells", "of", "share"]
    frame = pd.DataFrame(rows, columns=[*columns, "estimate", "se", "ci_low", "ci_high"])
    for name in ("cells", "of"):
        frame[name] = frame[name].astype("Int64").astype(object).where(frame[name].notna(), None)
    return frame.sort_values(["dataset", "n_per_class"], kind="stable", ignore_index=True)


def _keys(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("dataset", "n_per_class", "arm")}
