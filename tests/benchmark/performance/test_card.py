"""`python -m benchmark.perf --card`: fits beside large batches; the device is the CPU here."""

import dataclasses
import os

import pytest

from benchmark import perf
from benchmark.errors import InputError
from benchmark.performance import card
from benchmark.performance.card import Load, Row, markdown, measure
from benchmark.performance.cases import CASES


@pytest.fixture
def load():
    return Load(
        CASES["last"], card._spec(CASES["last"], "float32", 32, "resnet10t"), "cpu", images=12, epochs=2, large=8
    )


@pytest.mark.slow
def test_fits_of_several_processes_and_a_large_batch_are_timed(load):
    said = []
    (row,) = measure(load, [2], said.append)
    assert row.processes == 2 and row.rate > 0 and row.large > 0 and row.memory_mb > 100
    assert said == [f"last, float32, 2 processes: {row.rate:,.0f} images/s"]


@pytest.mark.slow
def test_a_process_that_fails_says_why_and_leaves_none_waiting(load):
    broken = dataclasses.replace(load, device="meta")
    with pytest.raises(InputError, match=r"last in 2 process\(es\) on meta failed: \w+"):
        card._together(card._fits, broken, 2)


def die(load, barrier):
    os._exit(9)


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others(load):
    with pytest.raises(InputError, match=r"last in 2 process.* failed: BrokenProcessPool"):
        card._together(die, load, 2)


def test_the_table_gives_the_share_of_the_large_batches_and_their_rate(load):
    text = markdown([Row(load, 1, 1200.0, 2000.0, 4000.0), Row(load, 4, 1500.0, 2000.0, 4100.0)])
    first, second = text.splitlines()[2:4]
    assert [cell.strip() for cell in first.split("|")[1:-1]] == ["last", "float32", "1", "1,200", "60%", "4,000"]
    assert "75%" in second
    assert "2,000 (last, float32)" in text and "2 epochs of 12 images" in text and "batches of 8" in text


def test_cases_that_it_does_not_time_are_named(capsys):
    assert perf.main(["--card", "--cases", "head", "--device", "cpu"]) == 2
    assert "It times scratch, all, last" in capsys.readouterr().err
