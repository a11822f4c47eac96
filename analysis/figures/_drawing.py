"""How figures look, what they share, and writing them so that the same figure gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from analysis.figures._reading import with_axes
from analysis.figures._svg import embedded
from analysis.study.comparison import Comparison
from analysis.study.scores import Scored
from analysis.study.study import Study
from benchmark.results import atomic_path

INK, SOFT, FAINT, LINE, BAND = "#1c2733", "#5b6875", "#b8c2cb", "#dde3e8", "#e9eef2"
BLUE, PALE_BLUE, ORANGE, SAND = "#0072b2", "#8fc1de", "#d55e00", "#d9a06b"
#: Okabe and Ito's colours, and four of Tol's, told apart with any colour vision; the known arms keep theirs.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00", "#000000", "#882255", "#44aa99",
    "#332288", "#ddcc77",
)  # fmt: skip
OF_ARM = {"scratch": "#5b6875", "scratch-same": "#e69f00", "imagenet": "#0072b2", "medical": "#d55e00"}

MARKERS = ("o", "s", "^", "D", "v", "P")  # told apart in grey print

MOST_ARMS = 12  # with a curve each
MOST_BANDS = 6  # arms whose curves have bands
MOST_PAIRS = 15  # of a block in a figure; beyond, only those with the first arm, the baseline

NARROW, WIDE = 89 / 25.4, 183 / 25.4  # inches: one column of a journal, and two
NARROWEST = 5.0  # inches of a figure that fits into one
LEAST_SHRINK = 0.8  # of the height: rows of text need their height
PAPER_DPI = 300

STYLE: dict[str, Any] = {
    "svg.hashsalt": "low-data-imaging-benchmark",
    "svg.fonttype": "path",
    "text.parse_math": False,  # names of arms and classes may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelcolor": SOFT,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Our settings alone, whatever the user's are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", STYLE))
        yield


def colours(arms: Sequence[str]) -> dict[str, str]:
    """A colour for every arm, the same in all figures."""
    taken = {OF_ARM[arm] for arm in arms if arm in OF_ARM}
    free = iter([colour for colour in COLOURS if colour not in taken] * len(arms))
    return {arm: OF_ARM[arm] if arm in OF_ARM else next(free) for arm in arms}


def panels(count: int, width: float = 3.6, height: float = 3.0, most: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes in rows of at most `most`; sizes in inches."""
    columns = 2 if count == 4 else min(count, most)
    rows = -(-count // columns)
    size = (max(width * columns, 4.8), height * rows + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    return figure, axes


def rows(count: int, height: float = 0.27, margin: float = 0.9) -> tuple[Figure, Axes]:
    """A figure with one axes that is read row by row: `count` rows of `height` inches, the first on top."""
    figure = Figure(figsize=(7.8, margin + height * count), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylim(count - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    return figure, axes


def legend_below(figure: Figure, axes: Axes, columns: int = 6) -> None:
    """One legend for all panels, in as many columns as the figure is wide enough for."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        widest = 0.6 + 0.075 * max(map(len, labels))  # inches: the sample of a line, and letters of 8.5 points
        count = min(columns, max(1, int(figure.get_figwidth() / widest)), len(labels))
        figure.set_figheight(figure.get_figheight() + 0.19 * (-(-len(labels) // count) - 1))  # not at the panels' cost
        figure.legend(handles, labels, loc="outside lower center", ncols=count)


def square(axes: Axes) -> None:
    """Both axes from 0 to 1, on one scale."""
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.grid()


def same_y(all_axes: Sequence[Axes], datasets: Sequence[str]) -> None:
    """One y axis for all panels of a data set: its values at different n are to be compared by eye."""
    for dataset in dict.fromkeys(datasets):
        together = [axes for axes, name in zip(all_axes, datasets, strict=True) if name == dataset]
        ends = [axes.get_ylim() for axes in together]
        for axes in together:
            axes.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))


def plain_log_ticks(axis: Axis) -> None:
    """Numbers instead of powers on a logarithmic axis: powers need the mathematical text that `STYLE` turns off."""
    axis.set_major_formatter(_Plain())
    axis.set_minor_formatter(_Plain(minor_thresholds=(1, 0.4)))


class _Plain(LogFormatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number, where matplotlib would label the tick."""
        return f"{x:g}" if super().__call__(x, pos) else ""


def title(scored: Scored) -> str:
    """Of a block's panel."""
    return scored.block.title


def pair_label(comparison: Comparison) -> str:
    """Of a comparison's row."""
    pair = (comparison.arm_b, comparison.arm_a)
    return " - ".join(pair if direction(comparison) > 0 else pair[::-1])


def direction(comparison: Comparison) -> int:
    """1 where a row shows b minus a; -1 where many arms are held against one, and b is that one."""
    scored = comparison.scored
    return -1 if too_many(scored) and comparison.b == reference(scored) else 1


def shown(study: Study, scored: Scored) -> list[Comparison]:
    """The comparisons of a block that fit into a figure: of many, those with its reference."""
    comparisons = study.comparisons_of(scored)
    if too_many(scored):
        arm = reference(scored)
        comparisons = [comparison for comparison in comparisons if arm in (comparison.a, comparison.b)]
        if scored.block.estimand == "models":
            comparisons.sort(key=lambda comparison: -scored.metric.sign * direction(comparison) * comparison.estimate)
    return comparisons[: 4 * MOST_PAIRS]


def reference(scored: Scored) -> int:
    """The arm that the others are held against: the first, the baseline; of fixed models, the one that looks best."""
    if scored.block.estimand != "models":
        return 0
    return int((scored.metric.sign * scored.values.mean(axis=1)).argmax())


def too_many(scored: Scored) -> bool:
    """Whether a block has more pairs of arms than a figure shows row by row; the figure 'matrix' has them all."""
    return len(scored.pairs) > MOST_PAIRS


def save_for_paper(figure: Figure, folder: Path, name: str) -> None:
    """Write PDF and PNG, without dates, at the width of one or of two columns; the figure stays as it is.

    Letters keep their size: the figure is laid out anew in its new width.
    """
    before, height = map(float, figure.get_size_inches())
    width = NARROW if before <= NARROWEST else WIDE
    figure.set_size_inches(width, height * max(width / before, LEAST_SHRINK))
    for kind, metadata in (
        ("pdf", {"CreationDate": None, "Producer": None, "Creator": None}),
        ("png", {"Software": None}),
    ):
        with atomic_path(folder / f"{name}.{kind}") as path:
            figure.savefig(path, format=kind, dpi=PAPER_DPI, metadata=metadata)
    figure.set_size_inches(before, height)


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write PNG and SVG without dates, and return the SVG for a page."""
    with atomic_path(folder / f"{name}.png") as path:
        figure.savefig(path, format="png", metadata={"Software": None})
    figure.set_layout_engine("none")  # what was laid out once stays: it takes as long as drawing
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    with atomic_path(folder / f"{name}.svg") as path:
        path.write_text(text, encoding="utf-8")
    return with_axes(embedded(text, name), figure)
