"""The share of each class in training, which the analysis corrects to the holdout's."""

import numpy as np
import pytest

from benchmark.images.subsample import draw
from benchmark.runs.planning import training_priors
from tests.benchmark.images.test_subsample import images


def draws_of(data, sizes, seeds=3):
    return {
        (n, seed): draw(data, n, seed, seeds=seeds, largest_n=max(sizes), root_seed=0, min_per_class=2)
        for n in sizes
        for seed in range(seeds)
    }


def test_an_exhausted_class_makes_training_unbalanced():
    labels = np.eye(3)[np.repeat([0, 1, 2], [10, 200, 200])]
    data = images(labels, np.arange(410), task="multiclass")
    priors = training_priors(data, draws_of(data, (5, 40)))
    assert priors[5] == pytest.approx([1 / 3] * 3)
    assert priors[40] == pytest.approx([10 / 90, 40 / 90, 40 / 90])


def test_labels_are_as_frequent_as_in_the_subsamples_unknown_ones_left_out():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 3)) < [0.1, 0.3, 0.5]).astype(np.float32)
    labels[rng.random(labels.shape) < 0.2] = np.nan
    data = images(labels, np.arange(400), task="multilabel")
    drawn = draws_of(data, (12,))
    (prior,) = training_priors(data, drawn).values()
    expected = np.mean([np.nanmean(labels[part.indices], axis=0) for part in drawn.values()], axis=0)
    assert prior == pytest.approx(expected, abs=1e-6)
    assert all(isinstance(share, float) for share in prior) and 0.15 < prior[0] < 0.6
