"""Where tables stand on the page, and what they are called."""

import pandas as pd

from analysis.page.chapters import chapters, run_tables


def test_chapters_come_in_the_order_of_their_tables_and_the_run_last():
    frame = pd.DataFrame({"a": [1]})
    frames = dict.fromkeys(["protocol", "budget", "arms", "holdout", "power", "pairwise"], frame)
    pages = chapters(frames)
    assert list(pages) == ["Main results", "Sensitivity", "Budget", "Data", "The run"]
    assert [section.name for section in pages["Main results"]] == ["arms", "pairwise"]
    assert pages["Sensitivity"][0].folded and not pages["Budget"][0].folded
    assert pages["The run"][0].title == "Protocol"


def test_tables_of_a_run_get_names_that_are_safe_and_differ():
    rows = [{"a": 1, "b": None}, {"a": None, "b": 2}]
    frames = run_tables({"tables": {"arms": rows, "run_arms": rows, "a/b": rows, "a_b": rows, "..": rows}})
    assert list(frames) == ["run_arms", "run_run_arms", "a~2Fb", "a_b", "~2E."]
    assert frames["a_b"]["a"].tolist() == [1, None]


def test_what_is_no_table_is_left_out():
    assert run_tables({"tables": {"empty": [], "text": "x", "mixed": [1]}}) == {}
    assert run_tables({"tables": [1]}) == {} and run_tables({}) == {}
