"""Tables and figures for a paper: what stands in them, and that they fit a journal's columns."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.figures import _drawing
from analysis.page.paper import SEPARATION, SIZE, TABLES, Column, paper_table, table_width, write_paper_tables
from analysis.page.typesetting import SINGLE, TWO, text_width
from analysis.predictions.block import Predictions
from analysis.study.study import study
from analysis.tables import build_all
from tests.analysis.conftest import make_block, make_multiclass


@pytest.fixture(scope="module")
def frames():
    blocks = make_multiclass(classes=7, images=210), make_block(images=120)
    return build_all(study(Predictions(blocks, {}, ()), resamples=60))


def cells_of(text):
    """The rows of a tabular as TeX reads them, the header first."""
    body = re.search(r"\\toprule\n(.*)\\bottomrule", text, re.DOTALL)[1].replace("\\midrule\n", "")
    return [line.removesuffix(r" \\").split(" & ") for line in body.splitlines()]


def set_width(text):
    """Points of a tabular's natural width, of the texts that TeX sets."""
    plain = {"$-$": "\N{MINUS SIGN}", "--": "\N{EN DASH}", "$<$": "<", r"\%": "%", r"\_": "_"}
    rows = cells_of(text)
    for tex, letter in plain.items():
        rows = [[cell.replace(tex, letter) for cell in row] for row in rows]
    return table_width([SIZE * max(map(text_width, column)) for column in zip(*rows, strict=True)])


def test_every_table_has_few_columns_and_fits_where_it_says(frames, tmp_path):
    write_paper_tables(frames, tmp_path)
    written = {path.stem: path.read_text() for path in tmp_path.iterdir()}
    assert {"results", "comparisons", "classes"} <= set(written) <= set(TABLES)
    for text in written.values():
        assert 2 <= len(cells_of(text)[0]) <= 8 and "\\toprule" in text and "hline" not in text
        room = SINGLE if "one column" in text.splitlines()[0] else TWO
        assert set_width(text) <= room and "p{" not in text
    assert "one column" in written["results"].splitlines()[0]
    assert "Intervals for: this pool" in written["results"] or "Intervals for: the population" in written["results"]
    assert "exploratory" in written["classes"] and "exploratory" not in written["comparisons"]


def test_a_number_has_a_real_minus_sign_and_three_digits(frames):
    text = paper_table(frames["pairwise"], TABLES["comparisons"][1])
    row = frames["pairwise"].iloc[0]
    sign = "$-$" if row["difference"] < 0 else "+"
    assert f"{sign}{abs(row['difference']):.3f} (" in text and not re.search(r"[ (]-\d", text)


def test_what_every_row_says_stands_once_for_the_caption(frames):
    text = paper_table(frames["arms"][frames["arms"]["dataset"] == "toy"], TABLES["results"][1])
    assert "% for the caption: Data set: toy" in text and "toy" not in text.split("\\toprule")[1]


def test_a_subgroup_without_a_value_is_left_out():
    columns = ("dataset", "attribute", "value", "arm", "auroc", "ci_low", "ci_high", "difference")
    rows = [("a", "sex", "f", "x", 0.8, 0.7, 0.9, np.nan), ("a", "sex", "unknown", "x", *[np.nan] * 4)]
    frame = pd.DataFrame(rows, columns=columns).assign(
        n_per_class=5, patients=30, difference_low=np.nan, difference_high=np.nan
    )
    (_, row) = cells_of(paper_table(frame, TABLES["subgroups"][1]))
    assert row[-2:] == ["0.800 (0.700 to 0.900)", "--"]


def test_names_that_are_too_long_for_two_columns_are_broken_and_escaped():
    frame = pd.DataFrame({"a": ["x_1 " * 60, "y"], "b": ["word " * 50, "%"], "c": [1, 2]})
    columns = [Column(name, lambda row, name=name: str(row[name]), number=name == "c") for name in frame]
    text = paper_table(frame, columns)
    widths = [float(width) for width in re.findall(r"p\{([\d.]+)pt\}", text)]
    assert len(widths) in (1, 2) and r"x\_1" in text and r"\%" in text
    assert sum(widths) + 2 * SEPARATION * 2 <= TWO


def test_text_is_as_wide_as_in_the_wider_of_two_fonts():
    assert text_width("0") == pytest.approx(0.556) and text_width("M") == pytest.approx(0.9167 * 1.07, abs=1e-3)
    assert text_width("\N{MINUS SIGN}") > text_width("-") and text_width("\u4e2d") > 1


@pytest.mark.parametrize(("inches", "millimetres"), [(4.8, 89), (9.0, 183)])
def test_a_figure_for_a_paper_has_a_journals_width_and_the_page_keeps_its_own(tmp_path, inches, millimetres):
    with _drawing.style():
        figure, axes = _drawing.panels(1, width=inches)
        axes[0].plot([0, 1])
        before = figure.get_size_inches().copy()
        _drawing.save_for_paper(figure, tmp_path, "one")
        first = (tmp_path / "one.pdf").read_bytes()
        assert (figure.get_size_inches() == before).all()
        _drawing.save_for_paper(figure, tmp_path, "one")
    assert (tmp_path / "one.pdf").read_bytes() == first, "no dates"
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.width == pytest.approx(millimetres / 25.4 * 300, abs=2)
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
