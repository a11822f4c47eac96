"""How figures look, and writing them so that the same figure gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmark.results import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, BAND = "#1c2733", "#5b6875", "#dde3e8", "#e9eef2"
#: Okabe and Ito's colours, told apart with any colour vision; the known arms keep theirs.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00", "#000000")
OF_ARM = {"scratch": "#5b6875", "scratch-same": "#e69f00", "imagenet": "#0072b2", "medical": "#d55e00"}

STYLE: dict[str, Any] = {
    "svg.hashsalt": "low-data-imaging-benchmark",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelcolor": SOFT,
    "axes.edgecolor": "#b8c2cb",
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
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", STYLE))
        yield


def colours(arms: Sequence[str]) -> dict[str, str]:
    """A colour for every arm, the same in all figures."""
    free = iter([c for c in COLOURS if c not in {OF_ARM[arm] for arm in arms if arm in OF_ARM}] * len(arms))
    return {arm: OF_ARM[arm] if arm in OF_ARM else next(free) for arm in arms}


def panels(count: int, width: float = 3.6, height: float = 3.0, most: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes in rows of at most `most`."""
    from matplotlib.figure import Figure

    columns = 2 if count == 4 else min(count, most)
    rows = -(-count // columns)
    size = (max(width * columns, 4.8), height * rows + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    return figure, axes


def legend_below(figure: Figure, axes: Axes, columns: int = 6) -> None:
    """One legend for all panels."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write PNG and SVG without dates, and return the SVG for a page, without its XML prologue."""
    with atomic_path(folder / f"{name}.png") as path:
        figure.savefig(path, format="png", metadata={"Software": None})
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    with atomic_path(folder / f"{name}.svg") as path:
        path.write_text(text, encoding="utf-8")
    return text[text.index("<svg") :]
