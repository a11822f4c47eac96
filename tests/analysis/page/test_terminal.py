"""What a terminal is shown fits into it, and loses nothing."""

import re

import pandas as pd
import pytest

from analysis.page.formats import plain
from analysis.page.terminal import fit, fit_terminal

PAIRS = plain(
    pd.DataFrame(
        {
            "dataset": ["chest-xray", "folder:my images/first batch"],
            "n_per_class": [100, 100],
            "arm_a": ["scratch", "scratch-same"],
            "arm_b": ["imagenet", "medical"],
            "difference": [-0.018, 0.031],
            "ci_low": [-0.049, 0.01],
            "ci_high": [0.013, 0.052],
            "p_holm": [0.19, 0.0001],
            "verdict": ["inconclusive", "better"],
        }
    )
)


def words(text):
    return sorted(re.findall(r"[^\s-]+", text))


@pytest.mark.parametrize("width", [110, 88, 80, 60])
def test_a_table_fits_and_keeps_every_word_and_number(width):
    text = fit(PAIRS, width)
    assert max(map(len, text.split("\n"))) <= width
    assert set(words(text)) == set(words(PAIRS))
    assert "-0.018" in text and "< .001" in text, "numbers are never broken"


def test_what_fits_already_and_what_goes_to_a_file_stays_as_it_is(monkeypatch):
    assert fit(PAIRS, 500) == PAIRS
    monkeypatch.delenv("COLUMNS", raising=False)
    assert fit_terminal(PAIRS) == PAIRS, "no terminal is asked for in a test"
    monkeypatch.setenv("COLUMNS", "70")
    assert max(map(len, fit_terminal(PAIRS).split("\n"))) <= 70


def test_a_table_whose_numbers_do_not_fit_goes_on_below_with_its_names():
    text = fit(PAIRS, 40)
    assert max(map(len, text.split("\n"))) <= 40
    parts = text.split("\n\n")
    assert len(parts) > 1 and all(part.startswith("dataset") for part in parts)


def test_sentences_are_wrapped_under_themselves():
    sentence = "  - " + " ".join(["imagenet is better than scratch-same:"] * 6)
    lines = fit(f"phantom, n = 50:\n{sentence}\n", 60).split("\n")
    assert lines[0] == "phantom, n = 50:" and lines[-1] == ""
    assert max(map(len, lines)) <= 60 and all(line.startswith("    ") for line in lines[2:-1])
    assert not any(line.endswith("scratch-") for line in lines)
