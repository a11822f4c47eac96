"""How wide a text is set, without TeX: from the metrics of the two fonts that papers come in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

POINTS = 72.27 / 25.4  # a millimetre, in TeX's points
SINGLE, TWO = 89 * POINTS, 183 * POINTS  # widths of one and of two columns of a journal
#: font's metrics -> what its letters are wider by at 8 points than scaled ones (Computer Modern has sizes of its own).
FONTS = {"phvr8a": 1.0, "cmr10": 1.07}
#: widths, in ems, of what is set in another font: minus, less than, dash, signs of mathematics.
OTHERS = {"\N{MINUS SIGN}": 0.84, "<": 0.84, ">": 0.84, "+": 0.84, "\N{EN DASH}": 0.56}
WIDEST = 1.1  # ems of a letter that the metrics lack

METRIC = re.compile(r"C (-?\d+) ; WX ([\d.]+) ")


def text_width(text: str) -> float:
    """Width of a text in ems: the larger of Helvetica's and Computer Modern's."""
    return max(_width(text, name, scale) for name, scale in FONTS.items())


def _width(text: str, font: str, scale: float) -> float:
    widths = _widths(font)
    return sum(OTHERS.get(letter) or widths.get(letter, WIDEST) * scale for letter in text)


@cache
def _widths(font: str) -> Mapping[str, float]:
    """Letter -> its width in ems, from the metrics that matplotlib brings with it."""
    import matplotlib

    lines = (Path(matplotlib.get_data_path()) / "fonts" / "afm" / f"{font}.afm").read_text(encoding="latin-1")
    codes = {int(code): float(width) / 1000 for code, width in METRIC.findall(lines) if int(code) >= 32}
    widths = {chr(code): width for code, width in codes.items() if code < 127}
    return {" ": 0.334, **widths}
