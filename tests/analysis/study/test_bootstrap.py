"""Shared weights: whose they are, that they repeat, and the intervals drawn from them."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.statistics import kernels, resampling
from analysis.study import bootstrap
from benchmark import metrics
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel

ROOT = np.random.SeedSequence(5)


def test_pure_groups_are_resampled_within_their_class(block):
    scheme = resampling.scheme(block.truth, block.groups)
    assert len(scheme.strata) == 2
    chunk = resampling.draw(scheme, 40, ROOT)
    for stratum in scheme.strata:
        assert (chunk.weights[stratum].sum(0) == len(stratum)).all()


def test_mixed_groups_are_one_stratum():
    truth = np.eye(2)[np.arange(20) % 2]
    assert len(resampling.scheme(truth, np.arange(20) // 2).strata) == 1
    assert len(resampling.scheme(make_multilabel().truth, make_multilabel().groups).strata) == 1


def test_weights_are_multinomial():
    scheme = resampling.scheme(np.eye(2)[np.repeat([0, 1], 30)], np.arange(60))
    parts = [resampling.draw(scheme, size, stream).weights for size, stream in resampling.chunks(2000, ROOT)]
    weights = np.concatenate(parts, axis=1).astype(float)
    assert weights.shape == (60, 2000)
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(1 - 1 / 30, rel=0.02)


def test_resamples_without_a_class_are_redrawn_and_counted():
    truth = np.eye(2)[[0, 0, 0, 0, 0, 0, 1, 0]]
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    chunk = resampling.draw(resampling.scheme(truth, groups), 64, ROOT)
    assert chunk.redrawn > 0
    assert (chunk.weights[3] > 0).all()


def test_impossible_resampling_ends_with_a_reason():
    truth = np.array([[1.0, 0.0], [np.nan, np.nan]])
    with pytest.raises(ValueError, match="too few patients"):
        resampling.draw(resampling.scheme(truth, np.arange(2)), 4, ROOT)


def test_the_same_root_gives_the_same_replicates_with_any_number_of_threads_or_batches(block, monkeypatch):
    several = [metrics.find(name) for name in ("auroc", "mcc", "average_precision")]
    one = bootstrap.replicate(block, several, 150, ROOT, workers=1)
    monkeypatch.setattr(bootstrap, "VECTORS", 5)
    other = bootstrap.replicate(block, several, 150, ROOT, workers=3)
    for metric in several:
        np.testing.assert_allclose(one.values[metric.name], other.values[metric.name], rtol=0, atol=1e-14)
    assert one.redrawn == other.redrawn


def test_without_numba_the_replicates_are_the_same(block, monkeypatch):
    ranking = [metric for metric in map(metrics.find, metrics.names()) if metric.ranked is not None]
    quick = bootstrap.replicate(block, ranking, 100, ROOT)
    monkeypatch.setattr(kernels, "has_numba", lambda: False)
    plain = bootstrap.replicate(block, ranking, 100, ROOT)
    for metric in ranking:
        np.testing.assert_allclose(quick.values[metric.name], plain.values[metric.name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [make_block, make_multilabel, make_multiclass])
def test_metrics_of_sums_are_those_of_the_images_drawn(make):
    drawn_from = make()
    of_sums = [metric for metric in map(metrics.find, metrics.names()) if metric.of_sums is not None]
    values = bootstrap.replicate(drawn_from, of_sums, 3, ROOT).values
    size, stream = next(resampling.chunks(3, ROOT))
    weights = resampling.draw(resampling.scheme(drawn_from.truth, drawn_from.groups), size, stream).weights
    for lane in range(3):
        images = np.repeat(np.arange(len(drawn_from.groups)), weights[drawn_from.groups, lane])
        args = drawn_from.task, drawn_from.truth[images], drawn_from.scores[1, 2, 0][images]
        for metric in of_sums:
            assert values[metric.name][lane, 1, 2] == pytest.approx(metric.value(*args), rel=1e-12)


def test_relabelled_groups_change_nothing_but_the_draws(block):
    scores = bootstrap.replicate(block, [metrics.find("auroc")], 1000, ROOT).values["auroc"]
    assert scores.shape == (1000, 3, 4)
    assert scores.std(0).mean() == pytest.approx(0.04, abs=0.02)


def test_seed_shares_add_up_to_one():
    shares = bootstrap.seed_weights(5, 3000, ROOT)
    assert shares.sum(1) == pytest.approx(1)
    assert (shares * 5).var() == pytest.approx(0.8, rel=0.05)


def test_percentile_interval_and_its_p_value():
    interval = bootstrap.percentile(np.linspace(-1, 3, 4001))
    assert (interval.low, interval.high) == pytest.approx((-0.9, 2.9))
    assert interval.p == pytest.approx(2 * (1001 + 1) / 4002)
    assert bootstrap.percentile(np.linspace(1, 2, 99)).p == pytest.approx(2 / 100)
    assert bootstrap.percentile(np.zeros(99)).p == 1


def test_patients_of_one_image_are_summed_by_permutation():
    single = make_block(images_per_patient=1, images=40)
    permuted = np.random.default_rng(0).permutation(40)
    shared, own = bootstrap.grouped_parts(replace(single, groups=permuted), single.scores[0, 0, 0])
    plain_shared, plain_own = bootstrap.grouped_parts(single, single.scores[0, 0, 0])
    assert (shared[permuted] == plain_shared).all() and (own[permuted] == plain_own).all()
