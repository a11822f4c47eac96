"""A training run that collapsed is named first, whatever else a report says."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import report
from analysis.page.summary import summary
from analysis.predictions.block import Predictions
from analysis.simulation.simulate import write_block
from analysis.study.collapse import collapse_sentences, runs_of_arms
from analysis.study.study import study
from tests.analysis.conftest import make_block


def broken_block(seeds=5, failed=2):
    """Two arms of AUROC .85 and .9; one run of the second gives noise."""
    block = make_block(auroc=(0.85, 0.9), seeds=seeds, images=300)
    scores = block.scores.copy()
    noise = np.random.default_rng(3).random(len(block.groups))
    scores[1, failed, 0] = np.stack([1 - noise, noise], axis=1)
    return replace(block, scores=scores, arms=("scratch", "imagenet"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    write_block(folder / "p.parquet", broken_block())
    return report.write_report(folder / "p.parquet", folder / "out", resamples=100)


def test_the_report_names_it_first_and_before_the_findings(written):
    first = written.remarks[0]
    assert first.startswith("toy, n = 100: 1 of 5 training runs of 'imagenet' collapsed: seed 2 cannot be told from")
    assert "the median and" in written.remarks[1]
    page = written.index.read_text()
    assert 0 < page.index("training runs of") < page.index('id="findings"')
    assert summary(written.head, written.frames).index("WARNING") < 100
    assert not any("'scratch' collapsed" in remark for remark in written.remarks)


def test_the_table_has_median_and_probability_of_a_failure_of_every_arm(written):
    frame = written.frames["collapse"].set_index("arm")
    assert frame["collapsed"].to_dict() == {"scratch": 0, "imagenet": 1}
    assert frame.loc["imagenet", "collapsed_seeds"] == "2"
    assert frame.loc["imagenet", "median"] > frame.loc["imagenet", "mean"] + 0.03
    assert frame.loc["imagenet", ["failure", "failure_low", "failure_high"]].tolist() == pytest.approx(
        [0.2, 0.00505, 0.71642], abs=1e-4
    )
    assert frame.loc["scratch", "failure_high"] == pytest.approx(0.52182, abs=1e-4)
    assert frame["median_low"].isna().all(), "five seeds are too few"


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_a_run_far_below_the_others_that_is_not_at_chance(metric):
    block = make_block(auroc=(0.95, 0.95), seeds=4, images=600)
    scores = block.scores.astype(np.float64)
    positive = scores[0, 1, 0, :, 1]
    mixed = np.clip(0.35 * positive + 0.65 * np.random.default_rng(0).random(len(positive)), 0.001, 0.999)
    mixed = mixed if metric == "auroc" else np.clip(np.where(positive > 0.5, 0.9999, 0.0001), 0, 1)
    scores[0, 1, 0] = np.stack([1 - mixed, mixed], axis=1)
    computed = study(Predictions((replace(block, scores=scores),), {}, ()), metric, resamples=100)
    runs = list(runs_of_arms(computed))
    assert [run.outlying for run in runs] == [(1,), ()] and not any(run.at_chance for run in runs)
    assert "lies far from the other seeds" in collapse_sentences(computed)[0]


def test_an_arm_that_never_learns_and_one_that_does():
    block = make_block(auroc=(0.85, 0.9), seeds=3, images=300)
    scores = block.scores.copy()
    noise = np.random.default_rng(0).random(scores.shape[1:4])
    scores[0] = np.stack([1 - noise, noise], axis=-1)
    computed = study(Predictions((replace(block, scores=scores),), {}, ()), resamples=100)
    assert "all 3 seeds cannot be told from chance" in collapse_sentences(computed)[0]
    healthy = study(Predictions((make_block(auroc=(0.8, 0.9), seeds=3, images=300),), {}, ()), resamples=100)
    assert collapse_sentences(healthy) == []
