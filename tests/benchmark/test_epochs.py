"""`python -m benchmark.perf --epochs`: AUROC by epochs, on images of the pool that no study uses."""

import re

import numpy as np
import pytest

from benchmark import datasets, perf
from benchmark.images.contract import LoadOptions
from benchmark.images.training_block import TrainingBlock
from benchmark.runs.epochs import Point, doubling, flat_from, table
from tests.conftest import write_images


def curve(*values, counts=(15, 30, 60)):
    return [Point("toy", 100, "scratch", e, 0.003, tuple(v), 1.0) for e, v in zip(counts, values, strict=True)]


def test_a_curve_is_flat_from_where_no_later_doubling_gains_more_than_its_error():
    rising = curve((0.7, 0.72, 0.71), (0.8, 0.82, 0.81), (0.9, 0.92, 0.91))
    assert flat_from(rising) is None
    bent = curve((0.7, 0.72, 0.71), (0.8, 0.82, 0.81), (0.803, 0.822, 0.812))
    assert flat_from(bent) == 30
    noisy = curve((0.7, 0.9), (0.8, 0.81), (0.76, 0.86))
    assert flat_from(noisy) == 15
    noisier = curve((0.7, 0.8), (0.8, 0.8), (0.8, 0.8))
    assert flat_from(noisier) == 30, "a large gain is no flat curve, however uncertain"
    dented = curve((0.8, 0.8), (0.8, 0.8), (0.9, 0.9))
    assert flat_from(dented) is None, "what comes later decides"


def test_a_gain_is_that_of_twice_the_epochs_paired_over_seeds():
    first, last = curve((0.7, 0.8), (0.74, 0.86), counts=(15, 60))
    assert doubling(first, last) == pytest.approx((0.025, 0.005))
    assert np.isnan(doubling(*curve((0.7,), (0.8,), counts=(1, 2)))[1])


def test_the_table_says_it_in_words():
    text = table(curve((0.7, 0.72), (0.8, 0.82), (0.8, 0.82)))
    assert "| toy, 100 | `scratch` | 30 | 0.003 | 0.810 | 0.014 | +0.100 | 0.000 | 1.00 |" in text
    assert "`scratch`: flat from 30 epochs on" in text


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    write_images(tmp_path / "mine", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(60)])
    (tmp_path / "mine.toml").write_text("n_per_class = [8]\nseeds = 2\nimage_size = 16\nmin_per_class = 4\n")
    return tmp_path


def test_the_command_fits_every_arm_at_every_number_and_never_reads_the_holdout(place, monkeypatch, capsys):
    read = []
    images = TrainingBlock.images

    def watched(block, rows):
        read.append(rows)
        return images(block, rows)

    monkeypatch.setattr(TrainingBlock, "images", watched)
    flags = ["--preset", "mine.toml", "--datasets", "folder:mine", "--arms", "scratch", "--epochs", "1,2"]
    assert perf.main([*flags, "--rates", "1,3"]) == 0
    lines = re.findall(r"\| folder:mine, 8 \| `scratch` \| (\d) \| 0\.00[39] \| 0\.\d{3} \|", capsys.readouterr().out)
    assert lines == ["1", "2"]
    name = datasets.canonical("folder:mine")
    held_out = datasets.load(name, None, LoadOptions(image_size=16, holdout="official", root_seed=0)).holdout
    rows = np.unique(np.concatenate(read))
    assert held_out.any() and not held_out[rows].any()
    assert len(rows) == (~held_out).sum(), "all of the pool is used, to train or to predict"


def test_epochs_that_do_not_rise_are_refused(place, capsys):
    flags = ["--preset", "mine.toml", "--datasets", "folder:mine", "--arms", "scratch", "--epochs", "2,1"]
    assert perf.main(flags) == 2
    assert "each more than the one before" in capsys.readouterr().err
