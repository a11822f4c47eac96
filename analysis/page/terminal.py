"""A summary made to fit a terminal: paragraphs are wrapped, and so are the names in tables that are too wide."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence

RULE = re.compile(r"-+(?:  -+)+")  # the line under a table's header
NARROWEST = 20  # columns of a terminal, below which nothing is made to fit
GAP = "  "


def fit_terminal(text: str) -> str:
    """The text at the width of the terminal that it is written to; as it is where that is none (a file, a pipe)."""
    return fit(text, shutil.get_terminal_size((0, 0)).columns)


def fit(text: str, width: int) -> str:
    """Wrap paragraphs and tables to lines of at most `width` characters, where words and numbers let them."""
    if width < NARROWEST:
        return text
    lines, fitted = text.split("\n"), []
    while lines:
        if len(lines) > 1 and RULE.fullmatch(lines[1]):
            end = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
            fitted += _table(lines[:end], width)
            lines = lines[end:]
        else:
            fitted += _paragraph(lines.pop(0), width)
    return "\n".join(fitted)


def _paragraph(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    mark = re.match(r" *(?:- )?", line)
    hanging = " " * (mark.end() if mark else 0)
    return textwrap.wrap(line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)


def _table(lines: Sequence[str], width: int) -> list[str]:
    """A table as `formats.plain` writes it; one whose numbers alone are too wide continues below itself."""
    spans = [match.span() for match in re.finditer("-+", lines[1])]
    if spans[-1][1] <= width:
        return list(lines)
    padded = [line.ljust(spans[-1][1]) for line in (lines[0], *lines[2:])]
    columns = [[line[start:end] for line in padded] for start, end in spans]
    right = [all(cell == cell.strip().rjust(len(cell)) for cell in column) for column in columns]
    texts = [[cell.strip() for cell in column] for column in columns]
    least = [_least(column, flush) for column, flush in zip(texts, right, strict=True)]
    parts = _parts(least, right, width)
    fitted: list[str] = []
    for part in parts:
        widths = _widths([texts[j] for j in part], [least[j] for j in part], width)
        fitted += [""] if fitted else []
        fitted += _drawn([texts[j] for j in part], [right[j] for j in part], widths)
    return fitted


def _least(column: Sequence[str], right: bool) -> int:
    """The narrowest that a column can be: its longest word, or its longest number."""
    words = [word for text in (column[:1] if right else column) for word in re.split(r"(?<=-)|\s", text)]
    return max(map(len, [*words, *(column[1:] if right else ())]), default=0)


def _parts(least: Sequence[int], right: Sequence[bool], width: int) -> list[list[int]]:
    """The columns that stand side by side; the names that lead a row are repeated in every part."""
    names = list(range(right.index(True) if True in right else 0))
    if sum(least[j] + len(GAP) for j in names) > width / 2:
        names = names[:1]
    parts, rest = [list(names)], [j for j in range(len(least)) if j not in names]
    for j in rest:
        if len(parts[-1]) > len(names) and sum(least[i] + len(GAP) for i in [*parts[-1], j]) - len(GAP) > width:
            parts.append(list(names))
        parts[-1].append(j)
    return parts


def _widths(columns: Sequence[Sequence[str]], least: Sequence[int], width: int) -> list[int]:
    """As wide as the cells, and the columns that can be made narrower as narrow as it takes."""
    widths = [max(map(len, column)) for column in columns]
    room = width - len(GAP) * (len(widths) - 1)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda j: widths[j] - least[j])
        if widths[widest] == least[widest]:
            break
        widths[widest] -= 1
    return widths


def _drawn(columns: Sequence[Sequence[str]], right: Sequence[bool], widths: Sequence[int]) -> list[str]:
    drawn = []
    for number, row in enumerate(zip(*columns, strict=True)):
        wrapped = [textwrap.wrap(text, width) or [""] for text, width in zip(row, widths, strict=True)]
        for i in range(max(map(len, wrapped))):
            cells = [of[i] if i < len(of) else "" for of in wrapped]
            aligned = zip(cells, widths, right, strict=True)
            drawn.append(GAP.join(cell.rjust(w) if flush else cell.ljust(w) for cell, w, flush in aligned).rstrip())
        if number == 0:
            drawn.append(GAP.join("-" * width for width in widths))
    return drawn
