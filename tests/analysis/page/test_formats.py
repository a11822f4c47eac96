import csv

import numpy as np
import pandas as pd
import pytest

from analysis.page import formats


@pytest.fixture
def written(tmp_path):
    def write(frame):
        formats.write(frame, tmp_path, "t")
        return tmp_path

    return write


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers(written):
    names = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "normal", "-0.5", None]
    frame = pd.DataFrame({"class": names, "value": [-1.5, 2, np.nan, np.inf, -np.inf, 1, 2, 3], "=n": range(8)})
    frame["big"] = pd.Series([2**60, None, *range(6)], dtype=object)
    before = frame.copy()
    text = (written(frame) / "t.csv").read_text()
    header, *rows = csv.reader(text.splitlines())
    assert header == ["class", "value", "'=n", "big"]
    assert [row[0] for row in rows] == [*(f"'{name}" for name in names[:5]), "normal", "-0.5", ""]
    assert [row[1] for row in rows] == ["-1.5", "2", "", "inf", "-inf", "1", "2", "3"]
    assert rows[0][3] == str(2**60) and rows[1][3] == ""
    pd.testing.assert_frame_equal(frame, before)


def test_names_in_markdown_are_text(written):
    frame = pd.DataFrame(
        {"n_per_class": ["<img src=x onerror=alert(1)>", "[a](javascript:b)", "a|b", "_it_ *is* `so`"]}
    )
    text = (written(frame) / "t.md").read_text()
    assert "<" not in text and "&lt;img" in text
    assert "\\[a](" in text and "a\\|b" in text and "\\_it\\_ \\*is\\* \\`so\\`" in text
    assert "| n_per_class |" in text, "an underscore inside of a word stays readable"
