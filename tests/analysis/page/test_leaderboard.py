"""A leaderboard as a user has it, with no seeds and no n: the whole report is about these trained models."""

import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis import report
from analysis.predictions.reading import read_predictions
from analysis.simulation.models import Case, simulated
from analysis.simulation.simulate import write_block

NAMES = ("densenet", "resnet", "vit", "swin", "convnext", "mobilenet", "foundation")
LABELS = ("atelectasis", "cardiomegaly", "edema")
FIXED = "these trained models on new patients"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A file with nothing but what a leaderboard has."""
    case = Case(7, True, labels=3, patients=150, prevalence=0.3)
    block = replace(simulated(case, np.random.default_rng(1)), dataset="chest", arms=NAMES, classes=LABELS)
    path = tmp_path_factory.mktemp("board") / "leaderboard.parquet"
    write_block(path, block)
    pq.write_table(pq.read_table(path).drop_columns(["n_per_class", "seed", "refit"]), path)
    return path


@pytest.fixture(scope="module")
def written(board, tmp_path_factory):
    return report.write_report(board, tmp_path_factory.mktemp("out"), estimand="models", resamples=100)


@pytest.fixture(scope="module")
def page(written):
    return re.sub(r"<svg.*?</svg>", "", written.index.read_text(), flags=re.DOTALL)


def test_columns_of_a_design_may_be_missing(board):
    (block,) = read_predictions(board).blocks
    assert (block.seeds, block.n_per_class, block.title) == ((0,), 0, "chest")


def test_every_part_of_the_page_is_about_these_models(page):
    assert "<h1>Trained models compared: chest</h1>" in page
    assert "Intervals and p-values are for these trained models and new patients" in page
    assert "nothing here covers training or pretraining them again" in page
    assert "n = 0" not in page and "labelled images per class" not in page and "one training seed" not in page
    for caption in re.findall(r'<(?:figcaption|p class="caption")>(.*?)<', page):
        if any(words in caption for words in ("joint", "new training sample", "new seeds")):
            assert "the trained models are held fixed" in caption or "primary is what the verdicts are about" in caption


def test_what_cannot_be_answered_is_said_and_left_out(written, page):
    assert "What is about new training samples is left out: label-equivalent gains" in written.remarks[0]
    assert not {"label_gain", "effects", "collapse", "variance"} & set(written.frames)
    assert "figure-power_map" not in page and "figure-seeds" not in page
    assert "n per class" not in re.findall(r"<th.*?</th>", page), "a column that says nothing"


def test_a_reader_finds_order_ranks_and_labels(written, page):
    assert set(written.pairwise["estimand"]) == {"these models"} and written.pairwise["p"].notna().all()
    ((_, _, lines),) = written.sentences
    assert FIXED in lines[0] and "the ranks that the data leave open" in lines[0]
    for name in ("ranks", "matrix", "labels", "forest"):
        assert f'id="figure-{name}"' in page
    assert len(written.frames["rank_sets"]) == 7 and len(written.frames["labels"]) == 21
    assert written.frames["rank_sets"]["arm"].iloc[0] in lines[0].split("together): ")[1].split(";")[0]


def test_the_terminal_prints_no_empty_columns(written):
    text = report.summary_text(written)
    assert "95% intervals for these trained models and new patients" in text
    assert "seed sd" not in text and "seeds" not in text.splitlines()[4]


def test_without_the_estimand_nothing_is_claimed_and_the_way_is_shown(board, tmp_path, capsys):
    assert report.main([str(board), "--out", str(tmp_path / "out"), "--resamples", "100"]) == 0
    assert "--estimand models tests these trained models on new patients" in capsys.readouterr().out
    assert report.main([str(board), "--out", str(tmp_path / "out"), "--estimand", "seeds"]) == 2
    assert "unknown estimand 'seeds'" in capsys.readouterr().err
