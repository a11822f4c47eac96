"""Writing a table three ways: CSV to compute with, Markdown and LaTeX to read."""

from __future__ import annotations

import math
import numbers
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.results import write_text

if TYPE_CHECKING:
    import pandas as pd

#: Columns of probabilities that are shown as p-values.
P_VALUES = (
    "p", "p_holm", "p_holm_within", "p_shaffer", "p_family", "p_equivalent", "p_family_equivalent", "p_all", "q_bh",
    "tost_p", "p_at_least",
)  # fmt: skip

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "×": r"$\times$",  # noqa: RUF001
}


#: What makes a spreadsheet take a cell for a formula (OWASP, "CSV injection").
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

#: What Markdown, or a browser that shows it, would read as more than text.
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "\r": " "} | {mark: f"\\{mark}" for mark in "\\|`*[$~"}
)
_EMPHASIS = re.compile(r"(?<!\w)_|_(?!\w)")  # inside of a word an underscore is one


def write(frame: pd.DataFrame, folder: Path, name: str) -> None:
    """Write one frame as CSV (12 digits), Markdown and LaTeX (rounded).

    Texts that a spreadsheet would take for a formula get an apostrophe before them in the CSV; numbers stay numbers.
    """
    text = _without_formulas(frame).to_csv(index=False, lineterminator="\n", float_format="%.12g")
    write_text(folder / f"{name}.csv", text)
    header, body = shown(frame)
    write_text(folder / f"{name}.md", markdown(header, body))
    write_text(folder / f"{name}.tex", latex(header, body, numeric(frame)))


def shown(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """A frame for reading: its header, and its cells with numbers rounded."""
    names = [str(column) for column in frame.columns]
    rows = [
        [cell(name, value) for name, value in zip(names, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    return names, rows


def numeric(frame: pd.DataFrame) -> list[bool]:
    """Which columns hold numbers, to be set flush right."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return [is_numeric_dtype(kind) and not is_bool_dtype(kind) for kind in frame.dtypes]


def markdown(header: list[str], body: list[list[str]]) -> str:
    """A pipe table, in which names are text, whatever they hold."""
    escaped = [[_EMPHASIS.sub(r"\\_", text.translate(_MARKDOWN)) for text in line] for line in (header, *body)]
    lines = [escaped[0], ["---"] * len(header), *escaped[1:]]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def latex(header: list[str], body: list[list[str]], right: list[bool]) -> str:
    """A tabular; needs no package."""
    columns = "".join("r" if is_number else "l" for is_number in right)
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\hline", _latex_row(header), "\\hline"]
    lines += [_latex_row(row) for row in body]
    return "\n".join([*lines, "\\hline", "\\end{tabular}", ""])


def cell(name: str, value: Any) -> str:
    """One value as text, rounded as its column asks."""
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return _number(name, float(value))
    if isinstance(value, list | tuple):
        return ", ".join(cell(name, item) for item in value)
    return str(value)


def _number(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if name in P_VALUES:
        return "< .001" if value < 0.001 else f"{value:.3f}"
    if name == "df":
        return f"{value:.1f}" if value < 1e4 else f"{value:.0f}"
    if value == int(value) and abs(value) < 1e9:
        return f"{value:.0f}"
    size = abs(value)
    if size < 0.001:
        return f"{value:.1e}"
    return f"{value:.3f}" if size < 100 else f"{value:,.0f}"


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    from pandas.api.types import is_object_dtype, is_string_dtype

    safe = frame.copy()
    for name in safe.columns:
        if is_object_dtype(safe[name].dtype) or is_string_dtype(safe[name].dtype):
            safe[name] = np.array([*map(_no_formula, safe[name]), None], dtype=object)[:-1]
    return safe.rename(columns=_no_formula)


def _no_formula(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; anything else as it is."""
    if not isinstance(value, str) or not value.startswith(FORMULAS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _latex_row(cells: list[str]) -> str:
    return " & ".join(map(escaped_latex, cells)) + r" \\"


def escaped_latex(text: str) -> str:
    """A text as LaTeX sets it."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def plain(frame: pd.DataFrame) -> str:
    """A table for a terminal."""
    header, body = shown(frame)
    header = [name.replace("n_per_class", "n").replace("_", " ") for name in header]
    right = numeric(frame)
    widths = [max(len(row[j]) for row in [header, *body]) for j in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = [text.rjust(w) if r else text.ljust(w) for text, w, r in zip(cells, widths, right, strict=True)]
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, body)])
