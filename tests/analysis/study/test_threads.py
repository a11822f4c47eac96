"""Work in threads: in order, and its errors come through."""

import time

import pytest

from analysis.study.threads import in_threads, threads


def test_results_come_in_the_order_of_the_items():
    assert in_threads(lambda item: (time.sleep(0.01 * (item == 0)), 2 * item)[1], range(9)) == list(range(0, 18, 2))
    assert in_threads(str, []) == [] and 1 <= threads() <= 4


def test_an_error_ends_it():
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 / item, [1, 0, 2])
