"""The figures: each a function of what it shows, drawn the same, byte for byte, each time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.inference import contrast, joint
from benchmark.results import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.scores import Scored

Floats = npt.NDArray[np.float64]

#: Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


def forest(scored: Sequence[Scored], margin: float) -> Figure:
    """Every pair's difference: thin the joint interval, thick the one for these trained models; the margin's band."""
    rows = [(each, a, b) for each in scored for a, b in each.pairs]
    figure, axes = _figure(height=1.2 + 0.36 * len(rows))
    axes.axvspan(-margin, margin, color="#E8E8E8", zorder=0, label=f"margin ±{margin:g}")
    axes.axvline(0, color="black", linewidth=0.8)
    names = []
    for place, (each, a, b) in enumerate(rows):
        inference = each.pair(a, b)
        cov = contrast(each.pair_covariance(a, b), len(each.block.seeds))
        inner = 1.96 * float(np.sqrt(max(cov.sum(), 0.0))) / len(each.block.seeds)
        low, high = inference.interval()
        axes.plot(
            [low, high],
            [place, place],
            color=COLOURS[0],
            linewidth=1.2,
            label="_" if place else "joint 95% CI",
        )
        axes.plot(
            [inference.estimate - inner, inference.estimate + inner],
            [place, place],
            color=COLOURS[0],
            linewidth=4,
            alpha=0.45,
            solid_capstyle="butt",
            label="_" if place else "these trained models only",
        )
        axes.plot(inference.estimate, place, "o", color=COLOURS[0], markersize=5)
        names.append(f"{_title(each)}\n{each.block.arms[b]} − {each.block.arms[a]}")
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"difference in {_metric(scored[0])}")
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.5 / figure.get_figheight() - 0.04),
        ncol=3,
        frameon=False,
        fontsize=8,
    )
    return figure


def paired(each: Scored) -> Figure:
    """The arms' values, a line a seed: what is compared within a line saw the same training images."""
    figure, axes = _figure(height=3.4)
    places = np.arange(len(each.block.arms))
    for s, seed in enumerate(each.block.seeds):
        axes.plot(
            places,
            each.values[:, s],
            "-o",
            color="#888888",
            linewidth=0.9,
            markersize=3,
            label=f"seed {seed}",
        )
    axes.plot(places, each.values.mean(axis=1), "_", color=COLOURS[1], markersize=26, markeredgewidth=2.5)
    axes.set_xticks(places, each.block.arms)
    axes.set_ylabel(f"holdout {_metric(each)}")
    axes.set_title(_title(each), fontsize=10)
    axes.margins(x=0.12)
    return figure


def best_so_far(curves: Mapping[tuple[str, int, str], Floats], dataset: str, n: int) -> Figure:
    """The best inner-validation value after each trial: mean over seeds, with the range of the seeds."""
    figure, axes = _figure(height=3.4)
    mine = {arm: values for (d, size, arm), values in curves.items() if (d, size) == (dataset, n)}
    for colour, (arm, values) in zip(COLOURS, mine.items(), strict=False):
        trials = np.arange(1, values.shape[1] + 1)
        axes.plot(trials, values.mean(axis=0), color=colour, label=arm)
        axes.fill_between(trials, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("finished trials")
    axes.set_ylabel("best inner validation value")
    axes.set_title(f"{dataset}, n = {n}", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def roc(each: Scored) -> Figure:
    """ROC curves of the positive class: the mean over seeds of the sensitivity at each specificity, and every seed."""
    from sklearn.metrics import roc_curve

    figure, axes = _figure(height=4.2, width=5.0)
    grid = np.linspace(0, 1, 201)
    column = each.block.columns[0]
    truth = each.block.truth[:, column]
    known = ~np.isnan(truth)
    for colour, (a, arm) in zip(COLOURS, enumerate(each.block.arms), strict=False):
        curves = []
        for s in range(len(each.block.seeds)):
            score = each.block.scores[a, s, :, :, column].mean(axis=0)
            fpr, tpr, _ = roc_curve(truth[known], score[known])
            curves.append(np.interp(grid, fpr, tpr))
        axes.plot(grid, np.mean(curves, axis=0), color=colour, label=arm)
        axes.fill_between(grid, np.min(curves, axis=0), np.max(curves, axis=0), color=colour, alpha=0.12, linewidth=0)
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=0.8)
    axes.set_xlabel("1 − specificity")
    axes.set_ylabel("sensitivity")
    axes.set_title(f"{_title(each)}: {each.block.classes[column]}", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def variance_split(scored: Sequence[Scored]) -> Figure:
    """What the variance of every difference is made of: training samples, or patients."""
    rows = [(each, a, b) for each in scored for a, b in each.pairs]
    figure, axes = _figure(height=1.2 + 0.3 * len(rows))
    names = []
    for place, (each, a, b) in enumerate(rows):
        seeds = len(each.block.seeds)
        cov = contrast(each.pair_covariance(a, b), seeds)
        found = joint(each.values[b] - each.values[a], cov, each.block.rho)
        axes.barh(place, found.seed_part, color=COLOURS[0], label="_" if place else "training samples (buy seeds)")
        axes.barh(
            place,
            found.patient_part,
            left=found.seed_part,
            color=COLOURS[4],
            label="_" if place else "patients (buy patients)",
        )
        names.append(f"{_title(each)}: {each.block.arms[b]} − {each.block.arms[a]}")
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("variance of the mean difference")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    axes.legend(frameon=False, fontsize=8, loc="best")
    return figure


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as PNG and SVG, without dates, and return the SVG."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    with atomic_path(folder / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
    svg = buffer.getvalue()
    with atomic_path(folder / f"{name}.svg") as temporary:
        temporary.write_text(svg, encoding="utf-8")
    plt.close(figure)
    return svg


def _figure(height: float, width: float = 7.2) -> tuple[Figure, Axes]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(width, height))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _title(each: Scored) -> str:
    return f"{each.block.dataset}, n = {each.block.n_per_class}"


def _metric(each: Scored) -> Any:
    return {"auroc": "AUROC"}.get(each.metric, each.metric.replace("_", " "))
