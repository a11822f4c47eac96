"""Calibration of an arm over seeds, classes and labels."""

from dataclasses import replace

import numpy as np

from analysis.study.calibration import calibration
from tests.analysis.conftest import make_multilabel


def test_slopes_lie_in_their_intervals(block):
    fits = [calibration(part, a) for part in (block, make_multilabel()) for a in range(len(part.arms))]
    assert len(fits) == 5
    for fit in fits:
        low, high = fit.slope.interval()
        assert low < fit.slope.estimate < high


def test_without_a_finite_fit_only_the_error_is_left(block):
    constant = replace(block, scores=np.full_like(block.scores, 0.5))
    fit = calibration(constant, 0)
    assert fit.intercept is None and fit.slope is None and fit.error >= 0
