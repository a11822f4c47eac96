"""`python -m benchmark.perf`: its tables, its JSON, and the comparison of AUROCs."""

import json
import math
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from benchmark import perf
from benchmark.performance import agreement, cases, measuring, table
from benchmark.performance.agreement import PLAIN, Reached
from benchmark.performance.measuring import Pair, Row
from benchmark.performance.ours import OurStudy
from benchmark.performance.plain import PlainStudy
from benchmark.spec import BenchmarkSpec
from tests.conftest import write_images

TINY = cases.Sizes(images=8, trials=1, min_epochs=1, max_epochs=1, folds=2, batch_size=4, image_size=32)


def pair(plain_seconds, our_seconds, again, floor, kept):
    return Pair(
        PlainStudy(plain_seconds, 8.0, (plain_seconds,), 600, ({},), (0.9,), 500.0),
        OurStudy(our_seconds, 0.1, (our_seconds,), again, floor, kept, 2.0, 600, ({},), (0.9,), 400.0),
    )


@pytest.fixture
def row():
    pairs = (pair(12.0, 3.0, 1.0, 0.5, 0.01), pair(10.0, 1.0, 2.0, 1.6, 0.02), pair(30.0, 5.0, 3.0, 2.0, 0.25))
    return Row(cases.CASES["head"], "224", "bfloat16", "float32", 0.54, pairs)


def test_figures_are_medians_of_ratios_within_pairs(row):
    figures = table.summary(row)
    assert figures["study"] == (6.0, 4.0, 10.0)
    assert figures["study_by_cpu_time"] == (4.0, 4.0, 4.0)
    assert figures["first_trial"] == (6.0, 4.0, 10.0)
    assert figures["again"] == (10.0, 5.0, 12.0)
    assert figures["over_floor"] == (1.5, 1.25, 2.0)
    assert figures["plain_images_per_second"][0] == 50.0 and figures["our_images_per_second"][0] == 200.0
    assert figures["bookkeeping_ms"] == pytest.approx((20, 10, 250))
    assert figures["bookkeeping_share"][0] == pytest.approx(0.01 / 1.01)


def test_the_table_states_spread_machine_versions_date_and_the_plain_precision(row):
    text = table.markdown([row], TINY)
    assert "6 (4 to 10)" in text and "50, 200" in text and "224 x 224" in text
    assert "medians of 3 pairs" in text and "0.54x as fast (head)" in text
    assert "cores" in text and "torch 2." in text and "optuna" in text
    lines = text.splitlines()
    assert len({len(line) for line in lines[:3]}) == 1, "aligned for a terminal"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with all processes' work done in this one."""

    @contextmanager
    def inline(count):
        yield SimpleNamespace(map=map)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.setattr("studies.workers.warm_up", lambda: None)
    monkeypatch.setattr(measuring, "in_process", lambda work, argument: work(argument))
    monkeypatch.setattr(measuring, "processes", inline)
    return tmp_path


def test_the_command_prints_the_table_and_writes_what_every_round_gave(here, monkeypatch, capsys):
    monkeypatch.setattr(cases, "SHORT", TINY)
    monkeypatch.setattr("benchmark.performance.plain.autocast_gain", lambda task: 0.5)
    monkeypatch.setattr("benchmark.performance.ours.BOOKKEPT", 2)
    flags = ["--short", "--cases", "head", "--jpegs", "224", "--rounds", "2", "--out", "figures.json"]
    assert perf.main(flags) == 0
    printed = capsys.readouterr()
    assert "| head | 224 x 224 | float32 " in printed.out and "| head | 224 x 224 | bfloat16 " in printed.out
    turns = [line.partition(": ")[2].split(", ")[:2] for line in printed.err.splitlines() if ", round " in line]
    once = [["plain", "float32"], ["ours", "float32"], ["ours", "bfloat16"]]
    assert turns == once + once[::-1], "they take turns, and none is always first"
    written = json.loads((here / "figures.json").read_text())
    assert written["hardware"]["cores"] and written["versions"]["torch"] and written["date"]
    single, half = written["rows"]
    assert (single["precision"], half["precision"]) == ("float32", "bfloat16")
    assert len(single["pairs"]) == 2 and half["plain_precision"] == "float32"
    assert single["pairs"][0]["plain"]["seconds"] > 0 and single["figures"]["study"]["median"] > 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cases", "haed"], "Did you mean 'head'"),
        (["--jpegs", "large"], "unknown kind of --jpegs"),
        (["--rounds", "0"], "give at least 1"),
        (["--out", "nowhere/figures.json"], "nowhere"),
        (["--agreement", "--epochs", "3,4"], "one value of --epochs"),
        (["--agreement", "--cases", "all", "--backbone", "tf_efficientnet_lite0:2"], "leave out the cut"),
    ],
)
def test_what_cannot_be_measured_is_refused(here, capsys, flags, message):
    assert perf.main(flags) == 2
    assert message in capsys.readouterr().err


def test_both_sides_predict_the_same_grouped_holdout(here, capsys):
    write_images(here / "mine", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(40)])
    flags = ["--agreement", "--cases", "scratch", "--datasets", "folder:mine", "--n-per-class", "6", "--seeds", "2"]
    assert perf.main([*flags, "--refits", "1", "--epochs", "1", "--image-size", "16"]) == 0
    printed = capsys.readouterr()
    assert "| scratch | float32 | 0." in printed.out and "| scratch | bfloat16 | 0." in printed.out
    assert "grouped holdout of folder:mine, n = 6 a class, 2 seeds of 1 refits, 1 epochs" in printed.out
    fits = [line.partition(": AUROC")[0] for line in printed.err.splitlines() if line.startswith("scratch")]
    assert fits == [f"scratch, {side}, seed {seed}" for side in ("plain", "float32", "bfloat16") for seed in (0, 1)]


def test_the_difference_is_paired_over_seeds():
    plain = Reached("all", PLAIN, ((0.90, 0.92), (0.80, 0.82), (0.85, 0.85)))
    ours = Reached("all", "float32", ((0.92, 0.92), (0.82, 0.82), (0.85, 0.85)))
    mean, error = agreement.difference(plain, ours)
    assert mean == pytest.approx(0.02 / 3) and error == pytest.approx(0.00577350 / 3**0.5)
    far = Reached("all", "bfloat16", ((0.95, 0.95), (0.85, 0.85), (0.86, 0.86)))
    text = agreement.markdown([plain, ours, far], BenchmarkSpec(datasets=("toy",)), 30)
    assert [line.split("|")[-2].strip() for line in text.splitlines()[2:4]] == ["yes", "no"]
    single = Reached("all", PLAIN, ((0.9,),))
    assert math.isnan(agreement.difference(single, single)[1])
