"""Figures of the scores and of the budgets: ROC, precision-recall, reliability, best so far, optimism."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures import drawing
from analysis.figures.estimates import title
from analysis.study import incumbents as curves
from analysis.study import operating
from benchmark.seeds import seed_for

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.study.study import Study

MOST_ARMS = 12  # with a curve each


def roc_and_precision(study: Study) -> tuple[Figure, Figure]:
    """Two figures: mean ROC and mean precision-recall curves with joint bands."""
    scored = study.of(study.primary.name)
    found = []
    for each in scored:
        root = seed_for(study.seed, "curves", dataset=each.block.dataset)
        found.append(operating.curves(each.block, root))
    figures = []
    for kind in ("roc", "precision"):
        figure, all_axes = drawing.panels(len(scored), height=3.3)
        for each, curve, axes in zip(scored, found, all_axes, strict=True):
            palette = drawing.colours(each.block.arms)
            mean, se = getattr(curve, kind), getattr(curve, f"{kind}_se")
            for a, arm in enumerate(each.block.arms[:MOST_ARMS]):
                low, high = (
                    np.clip(mean[a] - operating.Z * se[a], 0, 1),
                    np.clip(mean[a] + operating.Z * se[a], 0, 1),
                )
                axes.fill_between(operating.GRID, low, high, color=palette[arm], alpha=0.13, lw=0)
                axes.plot(operating.GRID, mean[a], color=palette[arm], lw=1.4, label=arm)
            _square(axes)
            axes.set_title(title(each))
            if kind == "roc":
                axes.plot([0, 1], [0, 1], color=drawing.LINE, lw=1, zorder=0)
                axes.set_xlabel("1 - specificity")
                axes.set_ylabel("sensitivity")
            else:
                axes.set_xlabel("recall")
                axes.set_ylabel("precision")
        drawing.legend_below(figure, all_axes[0])
        figures.append(figure)
    return figures[0], figures[1]


def reliability(study: Study) -> Figure:
    """Observed rate against mean score in ten bins of equal size."""
    scored = study.of(study.primary.name)
    figure, all_axes = drawing.panels(len(scored), height=3.3)
    for each, axes in zip(scored, all_axes, strict=True):
        palette = drawing.colours(each.block.arms)
        axes.plot([0, 1], [0, 1], color=drawing.LINE, lw=1.2, zorder=0)
        for a, arm in enumerate(each.block.arms[:MOST_ARMS]):
            predicted, observed = operating.reliability(each.block, a)
            axes.plot(predicted, observed, color=palette[arm], marker="o", ms=3.5, lw=1.2, label=arm)
        _square(axes)
        axes.set_title(title(each))
        axes.set_xlabel("mean predicted probability")
        axes.set_ylabel("observed rate")
    drawing.legend_below(figure, all_axes[0])
    return figure


def best_so_far(trials: pd.DataFrame, against: str) -> Figure | None:
    """Validation value of the best trial so far, against "trials" or "seconds"; None without costs."""
    found = curves.incumbents(trials)
    blocks = list(dict.fromkeys(key[:2] for key in found))
    if against == "seconds" and any(np.isnan(each.seconds).any() for each in found.values()):
        return None
    figure, all_axes = drawing.panels(len(blocks))
    for block, axes in zip(blocks, all_axes, strict=True):
        arms = [key[2] for key in found if key[:2] == block]
        palette = drawing.colours(arms)
        for arm in arms[:MOST_ARMS]:
            each = found[(*block, arm)]
            if against == "trials":
                x, values = np.arange(1, each.values.shape[1] + 1, dtype=np.float64), each.values
            else:
                # From when every seed has a first trial, until the first seed has spent its budget.
                x = np.geomspace(each.seconds[:, 0].max(), max(each.seconds[:, -1].min(), each.seconds[:, 0].max()), 80)
                values = each.at(x)
            mean, low, high = curves.band(values)
            axes.fill_between(x, low, high, color=palette[arm], alpha=0.13, lw=0)
            axes.plot(x, mean, color=palette[arm], lw=1.5, label=arm)
        if against == "seconds":
            axes.set_xscale("log")
        axes.set_xlabel("finished trials" if against == "trials" else "device-seconds spent")
        axes.set_ylabel("best validation value")
        axes.set_title(f"{block[0]}, n = {block[1]}")
        axes.grid(axis="y")
    drawing.legend_below(figure, all_axes[0])
    return figure


def optimism(frame: pd.DataFrame, label: str) -> Figure:
    """Default and best validation value, and the holdout value, of every arm."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.8, 1.0 + 0.3 * len(frame)), layout="constrained")
    axes = figure.add_subplot()
    rows: list[Any] = list(frame.itertuples(index=False))
    for y, row in enumerate(rows):
        values = [row.default_validation, row.best_validation, row.holdout]
        axes.plot([min(values), max(values)], [y, y], color=drawing.LINE, lw=2, zorder=1)
        for value, name, marker, colour in zip(
            values,
            ("validation, published default", "validation, best trial", "holdout"),
            ("o", "o", "D"),
            ("#8fc1de", "#0072b2", "#d55e00"),
            strict=True,
        ):
            axes.plot(value, y, marker, color=colour, ms=6, ls="none", label=name if y == 0 else None)
    axes.set_yticks(range(len(rows)), [f"{row.arm}   {row.dataset}, n = {row.n_per_class}" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(label)
    drawing.legend_below(figure, axes)
    return figure


def _square(axes: Axes) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.grid()
