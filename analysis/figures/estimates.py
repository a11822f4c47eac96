"""Figures of the inference: differences, seeds, learning curves, variance, and what to buy next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures import drawing
from analysis.statistics import effects
from analysis.statistics.inference import contrast, quantile
from analysis.study.scores import Scored
from analysis.tables import sensitivity
from analysis.tables.estimates import arm_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.study.study import Study

MOST_PAIRS = 15  # of a block in a figure; beyond, only those with the first arm, the baseline


def shown_pairs(scored: Scored) -> list[tuple[int, int]]:
    """The pairs that fit into a figure."""
    pairs = scored.pairs
    kept = list(pairs) if len(pairs) <= MOST_PAIRS else [pair for pair in pairs if pair[0] == 0]
    return kept[: 4 * MOST_PAIRS]


def title(scored: Scored) -> str:
    """Of a block's panel."""
    return f"{scored.block.dataset}, n = {scored.block.n_per_class}"


def forest(study: Study) -> Figure:
    """Every difference with its joint interval, the interval with seeds fixed inside it, and the margin."""
    from matplotlib.figure import Figure

    scored = study.of(study.primary.name)
    rows = sum(len(shown_pairs(each)) + 1 for each in scored)
    figure = Figure(figsize=(7.8, 0.9 + 0.27 * rows), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(-study.margin, study.margin, color=drawing.BAND, label=f"margin ±{study.margin:g}", lw=0)
    axes.axvline(0, color=drawing.SOFT, lw=0.8)
    y = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    for each in scored:
        axes.text(
            0.005,
            y,
            title(each),
            transform=axes.get_yaxis_transform(),
            weight="bold",
            va="center",
            fontsize=8.5,
        )
        y += 1
        for a, b in shown_pairs(each):
            found = each.pair(a, b)
            low, high = found.interval()
            inner = _patients_half(each, a, b)
            first = not ticks
            axes.plot([low, high], [y, y], color=drawing.INK, lw=1.2, label="joint 95% interval" if first else None)
            axes.plot(
                [found.estimate - inner, found.estimate + inner],
                [y, y],
                color="#0072b2",
                lw=4,
                solid_capstyle="butt",
                alpha=0.75,
                label="patients only, seeds fixed" if first else None,
            )
            axes.plot(found.estimate, y, "o", color="white", mec=drawing.INK, ms=4.5)
            ticks.append(y)
            labels.append(f"{each.block.arms[b]} - {each.block.arms[a]}")
            y += 1
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(f"difference in {study.primary.label}")
    drawing.legend_below(figure, axes)
    return figure


def _patients_half(scored: Scored, a: int, b: int) -> float:
    count = len(scored.block.seeds)
    covariance = contrast(scored.pair_covariance(a, b), count)
    return quantile(0.975, math.inf) * math.sqrt(max(float(covariance.sum()), 0.0)) / count


def seeds(study: Study) -> Figure:
    """The metric of every arm, a line a seed."""
    scored = study.of(study.primary.name)
    figure, all_axes = drawing.panels(len(scored))
    for each, axes in zip(scored, all_axes, strict=True):
        palette = drawing.colours(each.block.arms)
        x = np.arange(len(each.block.arms))
        for s in range(len(each.block.seeds)):
            axes.plot(x, each.values[:, s], color="#b8c2cb", lw=0.9, zorder=1)
        for a, arm in enumerate(each.block.arms):
            axes.scatter(np.full(len(each.block.seeds), a), each.values[a], s=12, color=palette[arm], zorder=2)
            low, high = arm_interval(each, a)
            axes.plot([a + 0.16, a + 0.16], [low, high], color=palette[arm], lw=1.6)
            axes.plot(a + 0.16, each.values[a].mean(), "o", ms=5, color="white", mec=palette[arm], mew=1.4)
        axes.set_xticks(x, each.block.arms, rotation=0 if len(x) < 5 else 60, fontsize=9 if len(x) < 4 else 7.5)
        axes.set_xlim(-0.4, len(x) - 0.5)
        axes.set_title(title(each))
        axes.set_ylabel(study.primary.label)
        axes.grid(axis="y")
    return figure


def learning_curve(study: Study) -> Figure | None:
    """Mean and joint interval against the number of labels; None where no data set has two n."""
    by_dataset: dict[str, list[Scored]] = {}
    for each in study.of(study.primary.name):
        by_dataset.setdefault(each.block.dataset, []).append(each)
    curves = {name: blocks for name, blocks in by_dataset.items() if len(blocks) > 1}
    if not curves:
        return None
    figure, all_axes = drawing.panels(len(curves))
    for (name, blocks), axes in zip(curves.items(), all_axes, strict=True):
        palette = drawing.colours(blocks[0].block.arms)
        count = len(palette)
        for i, arm in enumerate(palette):
            points = [
                (each.block.n_per_class, each.values[a].mean(), *arm_interval(each, a))
                for each in blocks
                for a in [each.block.arms.index(arm)]
            ]
            n, mean, low, high = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
            shift = n * 1.025 ** (i - (count - 1) / 2)
            axes.errorbar(
                shift,
                mean,
                [mean - low, high - mean],
                color=palette[arm],
                marker="o",
                ms=4,
                lw=1.4,
                elinewidth=1,
                label=arm,
            )
        axes.set_xscale("log")
        sizes = [each.block.n_per_class for each in blocks]
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_title(name)
        axes.set_xlabel("labelled images per class")
        axes.set_ylabel(study.primary.label)
        axes.grid(axis="y")
    drawing.legend_below(figure, all_axes[0])
    return figure


def variance(study: Study) -> Figure | None:
    """The standard error's square, split into seeds, their interaction with patients, and patients."""
    scored = [each for each in study.of(study.primary.name) if len(each.block.seeds) > 1]
    rows = [(each, a, b) for each in scored for a, b in shown_pairs(each)]
    if not rows:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.8, 0.9 + 0.27 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    kinds = (("training seeds", "#0072b2"), ("seeds x patients", "#8fc1de"), ("patients", "#d9a06b"))
    for y, (each, a, b) in enumerate(rows):
        parts = sensitivity.components(each, a, b)
        count = len(each.block.seeds)
        extra = 1 / count + parts.rho / (1 - parts.rho)
        left = 0.0
        for (name, colour), value in zip(
            kinds, (parts.seeds * extra, parts.interaction * extra, parts.patients), strict=True
        ):
            axes.barh(y, value, left=left, color=colour, height=0.7, label=name if y == 0 else None)
            left += value
    axes.set_yticks(
        range(len(rows)),
        [f"{each.block.arms[b]} - {each.block.arms[a]}   {title(each)}" for each, a, b in rows],
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel("variance of the mean difference")
    axes.ticklabel_format(axis="x", scilimits=(-3, 3))
    drawing.legend_below(figure, axes)
    return figure


def power_map(study: Study) -> Figure | None:
    """Minimum detectable difference over seeds and patients, for the pair of first and last arm of each
    block."""
    scored = [each for each in study.of(study.primary.name) if len(each.block.seeds) > 1 and each.pairs]
    if not scored:
        return None
    figure, all_axes = drawing.panels(len(scored))
    count = np.unique(np.round(np.geomspace(2, 50, 24)).astype(int))
    factor = np.geomspace(0.5, 10, 25)
    grids = []
    for each in scored:
        parts = sensitivity.components(each, 0, len(each.block.arms) - 1)
        grids.append([[effects.detectable_with(parts, int(s), float(f)) for s in count] for f in factor])
    for each, grid, axes in zip(scored, grids, all_axes, strict=True):
        values = np.array(grid)
        patients = int(each.block.groups.max()) + 1
        _contours(axes, count, factor * patients, values)
        axes.plot(len(each.block.seeds), patients, "o", color="white", mec="#d55e00", mew=1.8, ms=7)
        axes.set_title(f"{title(each)}: {each.block.arms[-1]} - {each.block.arms[0]}", fontsize=8.5)
        axes.set_xlabel("training seeds")
        axes.set_ylabel("patients in the holdout")
    return figure


def _contours(axes: Axes, seeds: Sequence[int] | np.ndarray, patients: np.ndarray, values: np.ndarray) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    round_ones = np.array([m * 10.0**k for k in range(-5, 2) for m in (1, 1.5, 2, 3, 4, 5, 6, 8)])
    levels = round_ones[(round_ones >= values.min()) & (round_ones <= values.max())]
    axes.set_xscale("log")
    axes.set_yscale("log")
    if len(levels) > 2:
        axes.contourf(seeds, patients, values, levels=levels, cmap="GnBu", extend="both", alpha=0.75)
        lines = axes.contour(seeds, patients, values, levels=levels, colors=drawing.INK, linewidths=0.6)
        axes.clabel(lines, fmt="%.3g", fontsize=7)
    for axis, ticks in ((axes.xaxis, [2, 3, 5, 10, 20, 50]), (axes.yaxis, _round_ticks(patients))):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())


def _round_ticks(patients: np.ndarray) -> list[float]:
    low, high = patients.min(), patients.max()
    ticks = [m * 10.0**k for k in range(8) for m in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]
