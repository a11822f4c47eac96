"""Intervals of single arms: which method, and that it covers with few positive patients."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.simulation.simulate import Truth, simulate
from analysis.statistics.inference import logit_interval
from analysis.study.intervals import arm_interval, fewest_patients
from analysis.study.scores import score
from benchmark import metrics
from tests.analysis.conftest import make_block, make_multiclass

AUROC = metrics.find("auroc")


def test_patients_are_counted_and_not_images():
    block = make_block(images=160, images_per_patient=8, prevalence=0.5)
    assert block.class_counts()["positive"] > 50
    scored = score(block, AUROC)
    assert fewest_patients(scored) < 30
    assert arm_interval(scored, 0) != logit_interval(scored.arm(0))
    many = score(make_block(images=400), AUROC)
    assert arm_interval(many, 0) == logit_interval(many.arm(0))


def test_two_positive_patients_told_apart_perfectly_say_little():
    """Thirty images of two positive patients: as images, the interval was .973 to 1."""
    block = make_block(auroc=(0.8,), seeds=3, images=90, images_per_patient=1)
    groups = np.r_[np.repeat([0, 1], 15), np.arange(2, 32).repeat(2)]
    truth = (groups < 2).astype(float)
    scores = np.broadcast_to(np.where(truth == 1, 0.9, 0.1), (1, 3, 1, 90))
    perfect = replace(
        block, groups=groups, truth=np.stack([1 - truth, truth], 1), scores=np.stack([1 - scores, scores], -1)
    )
    low, high = arm_interval(score(perfect, AUROC), 0)
    assert low == pytest.approx(0.588, abs=0.01) and high == 1


def test_the_mean_over_classes_switches_too():
    block = make_multiclass(images=450)
    few = make_multiclass(images=60)
    assert fewest_patients(score(few, AUROC)) < 30 <= fewest_patients(score(block, AUROC))
    scored = score(few, AUROC)
    assert arm_interval(scored, 0) != logit_interval(scored.arm(0))
    perfect = replace(few, scores=np.broadcast_to(few.truth, few.scores.shape) * 0.8 + 0.1)
    low, high = arm_interval(score(perfect, AUROC), 0)
    assert 0.75 < low < 0.95 and high == 1


@pytest.mark.parametrize("seeds", [3, 5])
def test_twenty_positive_patients_are_covered(seeds):
    """Logit intervals cover .84 to .87 here; three standard errors below .95 of 200 simulations is .904."""
    truth = Truth(auroc=(0.994,), seeds=seeds, images=624, prevalence=20 / 624)
    covered = []
    for number in range(200):
        scored = score(simulate(truth, np.random.default_rng((seeds, number))), AUROC)
        low, high = arm_interval(scored, 0)
        covered.append(low <= 0.994 <= high)
    assert np.mean(covered) >= 0.904
