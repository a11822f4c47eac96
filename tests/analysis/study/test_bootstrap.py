"""Shared weights: whose they are, that they repeat, and the intervals drawn from them."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import kernels, resampling
from analysis.study import bootstrap
from tests.analysis.conftest import make_block, make_multilabel

ROOT = np.random.SeedSequence(5)


def test_pure_groups_are_resampled_within_their_class(block):
    how = resampling.plan(block.truth, block.groups)
    assert len(how.strata) == 2
    chunk = resampling.draw(how, 40, ROOT)
    for stratum in how.strata:
        assert (chunk.weights[stratum].sum(0) == len(stratum)).all()


def test_mixed_groups_are_one_stratum():
    truth = np.eye(2)[np.arange(20) % 2]
    assert len(resampling.plan(truth, np.arange(20) // 2).strata) == 1
    assert len(resampling.plan(make_multilabel().truth, make_multilabel().groups).strata) == 1


def test_weights_are_multinomial():
    how = resampling.plan(np.eye(2)[np.repeat([0, 1], 30)], np.arange(60))
    parts = [resampling.draw(how, size, stream).weights for size, stream in resampling.chunks(how, 2000, ROOT)]
    weights = np.concatenate(parts, axis=1).astype(float)
    assert weights.shape == (60, 2000)
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(1 - 1 / 30, rel=0.02)


def test_resamples_without_a_class_are_redrawn_and_counted():
    truth = np.eye(2)[[0, 0, 0, 0, 0, 0, 1, 0]]
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    chunk = resampling.draw(resampling.plan(truth, groups), 64, ROOT)
    assert chunk.redrawn > 0
    assert (chunk.weights[3] > 0).all()


def test_impossible_resampling_ends_with_a_reason():
    truth = np.array([[1.0, 0.0], [np.nan, np.nan]])
    with pytest.raises(ValueError, match="too few patients"):
        resampling.draw(resampling.plan(truth, np.arange(2)), 4, ROOT)


def test_the_same_root_gives_the_same_replicates_with_any_number_of_threads_or_batches(block, monkeypatch):
    names = ("auroc", "mcc", "average_precision")
    one = bootstrap.replicate(block, names, 150, ROOT, workers=1)
    monkeypatch.setattr(bootstrap, "VECTORS", 5)
    other = bootstrap.replicate(block, names, 150, ROOT, workers=3)
    for name in names:
        np.testing.assert_allclose(one.values[name], other.values[name], rtol=0, atol=1e-14)
    assert one.redrawn == other.redrawn


def test_without_numba_the_replicates_are_the_same(block, monkeypatch):
    names = tuple(kernels.RANKING)
    quick = bootstrap.replicate(block, names, 100, ROOT)
    monkeypatch.setattr(kernels, "has_numba", lambda: False)
    plain = bootstrap.replicate(block, names, 100, ROOT)
    for name in names:
        np.testing.assert_allclose(quick.values[name], plain.values[name], rtol=0, atol=1e-12)


def test_relabelled_groups_change_nothing_but_the_draws(block):
    scores = bootstrap.replicate(block, ("auroc",), 1000, ROOT).values["auroc"]
    assert scores.shape == (1000, 3, 4)
    assert scores.std(0).mean() == pytest.approx(0.04, abs=0.02)


def test_seed_shares_add_up_to_one():
    shares = bootstrap.seed_weights(5, 3000, ROOT)
    assert shares.sum(1) == pytest.approx(1)
    assert (shares * 5).var() == pytest.approx(0.8, rel=0.05)


def test_percentile_interval_and_its_p_value():
    found = bootstrap.percentile(np.linspace(-1, 3, 4001))
    assert (found.low, found.high) == pytest.approx((-0.9, 2.9))
    assert found.p == pytest.approx(2 * (1001 + 1) / 4002)
    assert bootstrap.percentile(np.linspace(1, 2, 99)).p == pytest.approx(2 / 100)
    assert bootstrap.percentile(np.zeros(99)).p == 1


def test_bca_is_scipys():
    rng = np.random.default_rng(0)
    sample = rng.exponential(size=200)
    means = np.array([rng.choice(sample, 200).mean() for _ in range(6000)])
    influence = (sample - sample.mean()) / 200
    found = bootstrap.bca(means, sample.mean(), influence)
    expected = stats.bootstrap((sample,), np.mean, n_resamples=6000, method="BCa", rng=rng).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.012)
    assert bootstrap.bca(np.ones(50), 1.0, np.zeros(10)) == (1.0, 1.0)
    assert bootstrap.bca(np.ones(50), 2.0, np.zeros(10)) == (2.0, 2.0)


def test_patients_of_one_image_are_summed_by_permutation():
    single = make_block(images_per_patient=1, images=40)
    permuted = np.random.default_rng(0).permutation(40)
    from dataclasses import replace

    shared, own = bootstrap.grouped_parts(replace(single, groups=permuted), single.scores[0, 0, 0])
    plain_shared, plain_own = bootstrap.grouped_parts(single, single.scores[0, 0, 0])
    assert (shared[permuted] == plain_shared).all() and (own[permuted] == plain_own).all()
