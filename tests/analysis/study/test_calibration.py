"""Calibration of an arm over seeds, classes and labels."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.predictions.block import Predictions
from analysis.statistics import calibration as plain
from analysis.study.calibration import calibration, calibrations
from analysis.study.study import study
from analysis.tables import calibration as table
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel


def test_slopes_lie_in_their_intervals(block):
    fits = [calibration(part, a) for part in (block, make_multilabel()) for a in range(len(part.arms))]
    assert len(fits) == 5
    for fit in fits:
        for inference in (fit.in_the_large, fit.intercept, fit.slope):
            low, high = inference.interval()
            assert low < inference.estimate < high


def test_without_a_finite_fit_the_slope_is_missing_and_the_reason_given(block):
    constant = replace(block, scores=np.full_like(block.scores, 0.5))
    fit = calibration(constant, 0)
    assert fit.intercept is None and fit.slope is None and fit.error >= 0
    assert fit.in_the_large.estimate == pytest.approx(np.log(block.truth[:, 1].mean() / block.truth[:, 0].mean()))
    assert (fit.fitted, fit.problems) == (0, 1)
    assert fit.why_not == f"positive: {plain.CONSTANT} (seed 0, 1, 2, 3)"


def test_a_label_without_a_fit_leaves_the_others_theirs():
    block = make_multilabel()
    scores = block.scores.copy()
    scores[0, 1, :, :, 2] = np.clip(np.nan_to_num(block.truth[:, 2]), 0.1, 0.9)
    scores = np.where(np.isfinite(scores), scores, 0.5)
    spoilt = replace(block, scores=scores)
    mean, *labels = calibrations(spoilt, 0)
    assert (mean.fitted, mean.problems) == (2, 3)
    assert mean.why_not == f"label 2: {plain.SEPARATED} (seed 1)"
    assert labels[2].slope is None and labels[2].in_the_large is not None
    assert mean.slope.estimate == pytest.approx(np.mean([labels[k].slope.estimate for k in (0, 1)]))
    frame = table.build(study(Predictions((spoilt,), {}, ()), resamples=100))
    of_arm = frame[(frame["arm"] == "arm 0") & (frame["scores"] == "as they are")].set_index("class")
    assert list(of_arm.index) == ["mean", "label 0", "label 1", "label 2"]
    assert list(of_arm["fits"]) == ["2 of 3", "1 of 1", "1 of 1", "0 of 1"]
    assert of_arm["slope"].notna().tolist() == [True, True, True, False]
    assert of_arm["in_the_large_low"].notna().all()


def test_the_table_has_both_kinds_of_scores_and_says_where_there_is_one():
    blocks = make_block(prevalence=0.1, images=400), replace(make_multilabel(), dataset="labels")
    frame = table.build(study(Predictions(blocks, {}, ()), resamples=100))
    binary = frame[frame["dataset"] == "toy"].set_index(["arm", "scores"])
    for arm in blocks[0].arms:
        before, after = (binary.loc[(arm, kind)] for kind in ("as they are", "prior-corrected"))
        assert before["in_the_large_high"] < -1 < after["in_the_large_low"] < after["in_the_large_high"] < 1
        assert before["slope"] == pytest.approx(after["slope"], rel=1e-4)
        assert after["calibration_error_debiased"] < before["calibration_error_debiased"]
    labels = frame[frame["dataset"] == "labels"]
    assert set(labels["scores"]) == {"as they are"} and labels["note"].str.contains("not corrected").all()


def test_the_mean_over_classes_is_the_mean_of_the_classes():
    block = make_multiclass(refits=2)
    mean, *classes = calibrations(block, 1)
    for name in ("in_the_large", "intercept", "slope"):
        assert getattr(mean, name).estimate == pytest.approx(np.mean([getattr(fit, name).estimate for fit in classes]))
