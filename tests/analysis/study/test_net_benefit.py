"""Bands of decision curves: what they are over, and that they hold the true curve at all its thresholds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit, ndtr

from analysis.simulation.simulate import Truth, class_effect, simulate
from analysis.study.net_benefit import FEWEST_DECIDING, GRID, decisions
from analysis.study.priors import Correction
from tests.analysis.conftest import make_block

PREVALENCE, SEED_SD, AUROCS = 0.3, 0.3, (0.8, 0.86)


def curves_of(block, thresholds=GRID):
    """On the scores as they are."""
    return decisions(Correction(block, None, np.zeros(2), ""), thresholds)


def true_benefit(auroc, at):
    """Of the scores that `simulate` draws, the logistic of a normal latent value."""
    half = class_effect(auroc, SEED_SD) / 2
    hits = ndtr((half - logit(at)) / math.sqrt(1 + SEED_SD**2))
    false = ndtr(-logit(at) - half)
    return PREVALENCE * hits - (1 - PREVALENCE) * false * at / (1 - at)


def test_a_band_is_wider_than_the_interval_of_a_threshold_and_holds_its_curve():
    curves = curves_of(make_block(images=300))
    for curve in (*curves.arms, *curves.gains, *curves.differences.values()):
        assert 0.05 / len(GRID) <= curve.level < 0.05
        band, at = curve.band, np.flatnonzero(curve.banded)
        for t in at[::5]:
            low, high = curve.inferences[t].interval()
            assert band[t, 0] < low <= curve.estimates[t] <= high < band[t, 1]
    assert set(curves.differences) == {(0, 1), (0, 2), (1, 2)}


def test_a_difference_is_paired():
    curves = curves_of(make_block(images=300, case_arms=0.8, case_seeds=0.1))
    difference, t = curves.differences[0, 1], 20
    assert difference.estimates == pytest.approx(curves.arms[1].estimates - curves.arms[0].estimates)
    assert difference.inferences[t].se < math.hypot(*(curves.arms[a].inferences[t].se for a in (0, 1)))


def test_thresholds_that_few_patients_decide_have_no_band():
    block = make_block(images=300)
    curve = curves_of(block, np.array([0.3, 0.97])).arms[0]
    acted = (block.scores[0, :, 0, :, 1] >= 0.97).any(axis=0)
    assert len(np.unique(block.groups[acted])) < FEWEST_DECIDING
    assert list(curve.banded) == [True, False] and np.isnan(curve.band[1]).all()
    assert curve.level == pytest.approx(0.05, abs=0.005)  # a band over one threshold is its interval
    nothing = curves_of(replace(block, scores=np.full_like(block.scores, 0.5)), np.array([0.9])).arms[0]
    assert math.isnan(nothing.level) and np.isnan(nothing.band).all()


def test_many_thresholds_at_a_time_or_few_are_the_same(monkeypatch):
    block = make_block(images=120)
    together = curves_of(block)
    monkeypatch.setattr("analysis.study.net_benefit.NUMBERS", 1)
    apart = curves_of(block)
    for one, other in zip((*together.arms, *together.gains), (*apart.arms, *apart.gains), strict=True):
        assert one.band == pytest.approx(other.band, nan_ok=True)


@pytest.mark.slow
def test_bands_hold_the_true_curve_at_all_thresholds_together():
    rng, at = np.random.default_rng(3), GRID[::4]
    truth = [true_benefit(auroc, at) for auroc in AUROCS]
    held, pointwise = [], []
    for _ in range(100):
        prevalence = rng.binomial(400, PREVALENCE) / 400
        drawn = Truth(auroc=AUROCS, seeds=5, images=400, prevalence=prevalence, seed_sd=SEED_SD)
        curves = curves_of(simulate(drawn, rng), at)
        for curve, true in ((curves.arms[0], truth[0]), (curves.differences[0, 1], truth[1] - truth[0])):
            band, inside = curve.band, curve.banded
            held.append(((band[:, 0] <= true) & (true <= band[:, 1]))[inside].all())
            ends = np.array([inference.interval() for inference in curve.inferences])
            pointwise.append(((ends[:, 0] <= true) & (true <= ends[:, 1]))[inside].all())
    assert np.mean(held) >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / len(held))
    assert np.mean(pointwise) < 0.9
