"""What was measured, as a table to read and as JSON to keep."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmark.performance.cases import Sizes
from benchmark.performance.images import FILES
from benchmark.performance.measuring import Row, spread
from benchmark.performance.ours import OurStudy
from benchmark.performance.plain import PlainStudy
from benchmark.runs.provenance import git_commit, hardware, versions

NAMED = ("python", "torch", "torchvision", "timm", "optuna", "numba")  # versions under the table

COLUMNS = (
    "case",
    "JPEGs",
    "precision",
    "study",
    "by CPU time",
    "first trial",
    "again",
    "over the floor",
    "images/s",
    "bookkeeping",
    "peak MB",
)

LEGEND = (
    "Times as fast as the plain script, medians of {pairs} pairs that took turns (smallest to largest), one thread a "
    "side. study: from JPEG files to the tables of {trials} trials of {folds} folds, {low} to {high} epochs, {images} "
    "images at {size} px, batches of {batch}. by CPU time: the same, whatever else the machine computes. first trial: "
    "with nothing kept from before. again: its parameters once more. over the floor: the trial again, by a bare loop "
    "of its training steps on batches in memory. images/s: training images, plain and ours. bookkeeping: what a trial "
    "costs beside training, and its share of the trial again. peak MB: of the process, plain and ours. The plain side "
    "computes in float32, and against bfloat16 in the faster of the two: its own autocast makes it {gains}."
)


def summary(row: Row) -> dict[str, tuple[float, float, float]]:
    """Every figure of a row: its median over the rounds, the smallest and the largest."""
    figures: dict[str, list[float]] = {
        "study": [pair.plain.seconds / pair.ours.seconds for pair in row.pairs],
        "study_by_cpu_time": [pair.plain.cpu_seconds / pair.ours.cpu_seconds for pair in row.pairs],
        "first_trial": [pair.plain.trial_seconds[0] / pair.ours.trial_seconds[0] for pair in row.pairs],
        "again": [pair.plain.trial_seconds[0] / pair.ours.again for pair in row.pairs],
        "over_floor": [pair.ours.again / pair.ours.floor for pair in row.pairs],
        "plain_images_per_second": [_rate(pair.plain) for pair in row.pairs],
        "our_images_per_second": [_rate(pair.ours) for pair in row.pairs],
        "bookkeeping_ms": [1000 * pair.ours.bookkeeping for pair in row.pairs],
        "bookkeeping_share": [pair.ours.bookkeeping / (pair.ours.bookkeeping + pair.ours.again) for pair in row.pairs],
        "plain_peak_mb": [pair.plain.peak_mb for pair in row.pairs],
        "our_peak_mb": [pair.ours.peak_mb for pair in row.pairs],
    }
    return {name: spread(values) for name, values in figures.items()}


def markdown(rows: Sequence[Row], sizes: Sizes) -> str:
    """The table, its legend, and where and when it was measured; the columns are aligned for a terminal."""
    lines = [COLUMNS, *(_cells(row) for row in rows)]
    gains = {row.case.name: row.autocast_gain for row in rows}
    legend = LEGEND.format(
        pairs=len(rows[0].pairs),
        trials=sizes.trials,
        folds=sizes.folds,
        low=sizes.min_epochs,
        high=sizes.max_epochs,
        images=sizes.images,
        size=sizes.image_size,
        batch=sizes.batch_size,
        gains=", ".join(f"{gain:.2f}x as fast ({name})" for name, gain in gains.items()),
    )
    return f"{aligned(lines)}\n\n{legend}\n\n{where('cpu')}\n"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """A table, its header first, whose columns are aligned for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    rule = ["-" * width for width in widths]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [padded[0], rule, *padded[1:]])


def record(rows: Sequence[Row], sizes: Sizes) -> dict[str, Any]:
    """Everything, for a JSON file: settings, machine, and of every row the figures and what each round gave."""
    return {
        "date": datetime.date.today().isoformat(),
        "commit": git_commit(),
        "hardware": hardware("cpu", 1),
        "versions": versions(),
        "sizes": asdict(sizes),
        "rows": [
            {
                "case": row.case.name,
                "files": dict(zip(("width", "height"), FILES[row.files], strict=True)),
                "precision": row.precision,
                "plain_precision": row.plain_precision,
                "plain_autocast_gain": row.autocast_gain,
                "figures": {
                    name: dict(zip(("median", "smallest", "largest"), values, strict=True))
                    for name, values in summary(row).items()
                },
                "pairs": [asdict(pair) for pair in row.pairs],
            }
            for row in rows
        ],
    }


def _rate(side: PlainStudy | OurStudy) -> float:
    return float(side.images_seen / sum(side.trial_seconds))


def _cells(row: Row) -> tuple[str, ...]:
    figures = summary(row)

    def ratio(name: str) -> str:
        return "{:.3g} ({:.3g} to {:.3g})".format(*figures[name])

    def both(end: str) -> str:
        return f"{figures[f'plain_{end}'][0]:,.0f}, {figures[f'our_{end}'][0]:,.0f}"

    width, height = FILES[row.files]
    return (
        row.case.name,
        f"{width} x {height}",
        row.precision,
        ratio("study"),
        ratio("study_by_cpu_time"),
        ratio("first_trial"),
        ratio("again"),
        ratio("over_floor"),
        both("images_per_second"),
        f"{figures['bookkeeping_ms'][0]:.1f} ms, {figures['bookkeeping_share'][0]:.1%}",
        both("peak_mb"),
    )


def where(device: str) -> str:
    """The machine, its versions and the date."""
    machine, installed = hardware(device, 1), versions()
    named = ", ".join(f"{name} {installed[name]}" for name in NAMED)
    return (
        f"{machine.get('gpu', '')}{', ' if 'gpu' in machine else ''}"
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {named}; "
        f"{datetime.date.today().isoformat()}."
    )
