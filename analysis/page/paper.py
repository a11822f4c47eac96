"""Tables for a paper: few columns, human headers, booktabs, and a width that is known to fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.page.formats import escaped_latex
from analysis.page.typesetting import SINGLE, TWO, text_width
from benchmark.results import write_text

if TYPE_CHECKING:
    import pandas as pd

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
SIZE, LEADING = 8.0, 9.5  # points of the letters, and from line to line
SEPARATION = 3.0  # points on either side of a column
ROOM = 0.98  # of a column's width that a table may fill: fonts differ
SHORTEST = 60.0  # points of a column whose text is broken

EXPLORATORY = ("classes", "subgroups")
UNCORRECTED = "exploratory: intervals are not corrected for their number"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a paper's table.

    Attributes:
        header: what stands over it.
        text: a row of the report's table to a cell.
        number: whether it is set flush right.
        constant: left out where every row says the same, which then stands above the table.
        needed: rows without it, such as subgroups of too few patients, are left out.
    """

    header: str
    text: Callable[[Row], str]
    number: bool = False
    constant: bool = False
    needed: bool = False


def number(value: Any, digits: int = 3, sign: bool = False) -> str:
    """A number with a real minus sign; an en dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    return text.replace("-", MINUS)


def interval(name: str, low: str, high: str, sign: bool = False) -> Callable[[Row], str]:
    """A cell of an estimate and both ends of its interval."""

    def text(row: Row) -> str:
        value = number(row[name], sign=sign)
        ends = number(row[low], sign=sign), number(row[high], sign=sign)
        return value if NONE in ends else f"{value} ({ends[0]} to {ends[1]})"

    return text


def p_value(name: str) -> Callable[[Row], str]:
    """A cell of a p-value."""
    return lambda row: "< 0.001" if row[name] < 0.001 else number(row[name])


def plain(name: str) -> Callable[[Row], str]:
    """A cell as it is."""
    return lambda row: str(row[name]).replace("-", MINUS) if isinstance(row[name], int | float) else str(row[name])


PLACE = (
    Column("Data set", plain("dataset"), constant=True),
    Column("n per class", plain("n_per_class"), number=True, constant=True),
)
#: name of the file -> the report's table, and its columns here.
TABLES: Mapping[str, tuple[str, tuple[Column, ...]]] = {
    "results": (
        "arms",
        (
            *PLACE,
            Column("Metric", plain("metric"), constant=True),
            Column("Arm", plain("arm")),
            Column("Samples", plain("seeds"), number=True, constant=True),
            Column("Mean (95% CI)", interval("estimate", "ci_low", "ci_high"), number=True),
            Column("SD", lambda row: number(row["seed_sd"]), number=True),
            Column("Intervals for", plain("estimand"), constant=True),
        ),
    ),
    "comparisons": (
        "pairwise",
        (
            *PLACE,
            Column("Metric", plain("metric"), constant=True),
            Column("Comparison", lambda row: f"{row['arm_b']} {MINUS} {row['arm_a']}"),
            Column("Difference (95% CI)", interval("difference", "ci_low", "ci_high", sign=True), number=True),
            Column("p, corrected", p_value("p_holm"), number=True),
            Column("p, equivalence", p_value("p_equivalent"), number=True),
            Column("Verdict", plain("verdict")),
            Column("Intervals for", plain("estimand"), constant=True),
        ),
    ),
    "classes": (
        "labels",
        (
            *PLACE,
            Column("Class", plain("label"), constant=True),
            Column("Patients", plain("patients"), number=True, constant=True),
            Column("Arm", plain("arm")),
            Column("AUROC (95% CI)", interval("auroc", "ci_low", "ci_high"), number=True),
            Column("Sensitivity (95% CI)", interval("sensitivity", "sensitivity_low", "sensitivity_high"), number=True),
            Column("Specificity (95% CI)", interval("specificity", "specificity_low", "specificity_high"), number=True),
        ),
    ),
    "subgroups": (
        "subgroups",
        (
            *PLACE,
            Column("Subgroup", lambda row: f"{row['attribute']}: {row['value']}"),
            Column("Patients", plain("patients"), number=True),
            Column("Arm", plain("arm")),
            Column("AUROC (95% CI)", interval("auroc", "ci_low", "ci_high"), number=True, needed=True),
            Column(
                "Difference (95% CI)", interval("difference", "difference_low", "difference_high", True), number=True
            ),
        ),
    ),
    "models": (
        "models",
        (
            Column("Data set", plain("dataset"), constant=True),
            Column("Arm", plain("arm")),
            Column("Layers", plain("layers"), number=True),
            Column("Parameters", plain("parameters"), number=True),
            Column("Learned", plain("learned"), number=True),
            Column("Input", plain("images"), constant=True),
            Column("Starts from", plain("weights")),
        ),
    ),
    "budget": (
        "budget",
        (
            *PLACE,
            Column("Arm", plain("arm")),
            Column("Cells", plain("cells"), number=True),
            Column("Trials", plain("trials"), number=True),
            Column("Diverged", plain("diverged"), number=True),
            Column("Epochs", lambda row: number(row["epochs"], 0), number=True),
            Column("Device hours", lambda row: number(row["device_seconds"] / 3600, 2), number=True),
        ),
    ),
}


def write_paper_tables(frames: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write those of `TABLES` that the report has, as ``<name>.tex``.

    Each says in its first line whether it fits one column of a journal or takes two.
    """
    for name, (source, columns) in TABLES.items():
        if source in frames and len(frames[source]):
            note = UNCORRECTED if name in EXPLORATORY else ""
            write_text(folder / f"{name}.tex", paper_table(frames[source], columns, note))


def paper_table(frame: pd.DataFrame, columns: Sequence[Column], note: str = "") -> str:
    """A tabular in letters of 8 points whatever stands around it; needs booktabs and array.

    A `note` is added to the words for its caption.
    """
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    rows = [row for row in rows if all(column.text(row) != NONE for column in columns if column.needed)]
    cells = {column.header: [column.text(row) for row in rows] for column in columns}
    same = [column for column in columns if column.constant and len(set(cells[column.header])) == 1]
    shown = [column for column in columns if column not in same]
    widths = [max(map(text_width, [column.header, *cells[column.header]])) * SIZE for column in shown]
    place, kinds = _fitted(widths, shown)
    constant = [(column.header, cells[column.header][0]) for column in same]
    told = [f"{header}: {value}" for header, value in constant if value not in ("", "0")]
    above = "; ".join([*told, note] if note else told)
    body = zip(*(cells[column.header] for column in shown), strict=True)
    lines = [
        f"% fits {place}; needs \\usepackage{{booktabs,array}}",
        *([f"% for the caption: {_comment(above)}"] if above else []),
        f"\\begingroup\\fontsize{{{SIZE:g}}}{{{LEADING:g}}}\\selectfont\\setlength{{\\tabcolsep}}{{{SEPARATION:g}pt}}%",
        f"\\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}",
        "\\toprule",
        _line([column.header for column in shown]),
        "\\midrule",
        *map(_line, body),
        "\\bottomrule",
        "\\end{tabular}\\endgroup",
    ]
    return "\n".join([*lines, ""])


def table_width(widths: Sequence[float]) -> float:
    """Points that columns of these widths take together."""
    return sum(widths) + 2 * SEPARATION * (len(widths) - 1)


def _fitted(widths: Sequence[float], columns: Sequence[Column]) -> tuple[str, list[str]]:
    """Where the columns fit, and LaTeX's word for each; where not even into two, the widest texts are broken."""
    kinds = ["r" if column.number else "l" for column in columns]
    for place, room in (("one column (89 mm)", SINGLE), ("two columns (183 mm)", TWO)):
        if table_width(widths) <= ROOM * room:
            return place, kinds
    narrowed = list(widths)
    for at in sorted(range(len(widths)), key=lambda at: -widths[at]):
        too_much = table_width(narrowed) - ROOM * TWO
        if too_much <= 0:
            break
        narrowed[at] = max(SHORTEST, narrowed[at] - too_much)
        side = "\\raggedleft" if columns[at].number else "\\raggedright"
        kinds[at] = f">{{{side}\\arraybackslash}}p{{{narrowed[at]:.1f}pt}}"
    return "two columns (183 mm), with lines broken", kinds


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped_latex, cells)) + r" \\"


def _comment(text: str) -> str:
    return text.replace("\n", " ").replace(MINUS, "-")
