"""Blocks of predictions that many tests share."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.simulation.simulate import Truth, simulate

ARMS = ("scratch", "imagenet", "medical")


@pytest.fixture(scope="session")
def block():
    """Three arms, four seeds, two images a patient."""
    return make_block()


def make_block(seed=0, **changes):
    truth = Truth(**{"auroc": (0.75, 0.82, 0.85), "seeds": 4, "images": 160, "images_per_patient": 2, **changes})
    simulated = simulate(truth, np.random.default_rng(seed))
    arms = ARMS if len(truth.auroc) == 3 else simulated.arms
    return replace(simulated, dataset="toy", arms=arms)


def make_two_images_each(patients, seeds):
    """One arm on so many sick patients, and as many healthy ones, with two images each; its scores are to be drawn."""
    truth = np.repeat([1.0, 0.0], 2 * patients)
    base = make_block(seeds=seeds, images=4 * patients)
    groups = np.repeat(np.arange(2 * patients), 2)
    return replace(base, arms=("one",), truth=np.stack([1 - truth, truth], axis=1), groups=groups)


def make_multiclass(seed=0, classes=3, arms=2, seeds=3, images=150, refits=1):
    rng = np.random.default_rng(seed)
    base = make_block(seed, auroc=(0.8,) * arms, seeds=seeds, images=images)
    labels = rng.permutation(np.arange(images) % classes)
    truth = np.eye(classes)[labels]
    logits = rng.normal(size=(arms, seeds, refits, images, classes)) + 1.2 * truth
    scores = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    names = tuple(f"class {k}" for k in range(classes))
    return replace(base, task="multiclass", classes=names, truth=truth, scores=scores.astype(np.float32))


def make_multilabel(seed=0, labels=3, arms=2, seeds=3, images=150, unknown=0.2):
    rng = np.random.default_rng(seed)
    base = make_block(seed, auroc=(0.8,) * arms, seeds=seeds, images=images)
    truth = (rng.random((images, labels)) < 0.4).astype(float)
    scores = 1 / (1 + np.exp(-(rng.normal(size=(arms, seeds, 1, images, labels)) + 1.3 * truth - 0.6)))
    truth[rng.random((images, labels)) < unknown] = np.nan
    names = tuple(f"label {k}" for k in range(labels))
    return replace(base, task="multilabel", classes=names, truth=truth, scores=scores.astype(np.float32))
