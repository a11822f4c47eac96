"""Sensitivity, specificity and confusion matrices of every class or label, against counting by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import _drawing
from analysis.figures import confusion as confusion_figure
from analysis.predictions.block import Predictions
from analysis.statistics.proportions import wilson
from analysis.study.class_rates import class_rates
from analysis.study.confusion import classes_of, confusion, row_shares
from analysis.study.scores import score_sums
from analysis.study.study import study
from analysis.tables import confusion as confusion_table
from benchmark import metrics
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel, make_two_images_each


def given_and_true(block, a, s, r, k):
    """Whether every image with a known column k has it, and is given it."""
    score, known = block.scores[a, s, r], ~np.isnan(block.truth[:, k])
    given = score[:, k] >= 0.5 if block.task == "multilabel" else score.argmax(axis=1) == k
    return given[known], block.truth[known, k] == 1


@pytest.mark.parametrize("block", [make_block(), make_multiclass(refits=2), make_multilabel()], ids=lambda b: b.task)
def test_sensitivity_and_specificity_are_those_of_counting(block):
    rates = class_rates(block)
    assert [of_class.name for of_class in rates] == [block.classes[k] for k in block.columns]
    for of_class, k in zip(rates, block.columns, strict=True):
        for a in range(len(block.arms)):
            pairs = [given_and_true(block, a, s, r, k) for s, r in np.ndindex(block.scores.shape[1:3])]
            share, low, high = of_class.sensitivity_of(a)
            assert share == pytest.approx(np.mean([given[true].mean() for given, true in pairs]))
            assert 0 <= low < share < high <= 1
            assert of_class.specificity_of(a)[0] == pytest.approx(
                np.mean([(~given)[~true].mean() for given, true in pairs])
            )
    assert rates[0].positives == np.nansum(block.truth[:, block.columns[0]])


@pytest.mark.parametrize("block", [make_multiclass(refits=2), make_multilabel()], ids=lambda b: b.task)
def test_the_covariance_is_that_of_influence_values(block):
    """Balanced accuracy is the mean of the sensitivities, and of a label that of sensitivity and specificity."""
    expected = score_sums(block, [metrics.find("balanced_accuracy")])["balanced_accuracy"]
    rates = class_rates(block)
    parts = [one.sensitivity for one in rates]
    parts += [one.specificity for one in rates] if block.task == "multilabel" else []
    assert np.mean([part.values for part in parts], axis=0) == pytest.approx(expected.values)
    together = np.mean([part.contributions for part in parts], axis=0)
    assert together == pytest.approx(expected.contributions, abs=1e-6)
    groups = block.group_count
    assert parts[0].covariance == pytest.approx(
        groups / (groups - 1) * parts[0].contributions @ parts[0].contributions.T, rel=1e-4
    )


def test_a_confusion_matrix_counts_every_known_image_once():
    block = make_multiclass(refits=2)
    counts = confusion(block)
    assert counts.shape == (2, 3, 1, 3, 3) and (counts.sum(axis=(-2, -1)) == len(block.sample_ids)).all()
    given = block.scores[1, 2].argmax(axis=-1)
    by_hand = np.mean([[(row[block.truth[:, 0] == 1] == k).sum() for k in range(3)] for row in given], axis=0)
    assert counts[1, 2, 0, 0] == pytest.approx(by_hand)
    shares = row_shares(counts)[..., 0, 1, 1].mean(axis=1)
    assert shares == pytest.approx([class_rates(block)[1].sensitivity_of(a)[0] for a in range(2)])


def test_labels_have_a_matrix_each_of_the_images_that_are_known():
    block = make_multilabel()
    counts = confusion(block)
    assert counts.shape == (2, 3, 3, 2, 2) and classes_of(block) == ("absent", "present")
    for k in range(3):
        assert (counts[:, :, k].sum(axis=(-2, -1)) == (~np.isnan(block.truth[:, k])).sum()).all()
    frame = confusion_table.build(study(Predictions((block,), {}, ()), resamples=60))
    assert len(frame) == 3 * 2 * 4 and frame.groupby(["label", "arm", "truth"])["share"].sum().to_numpy() == (
        pytest.approx(1.0)
    )


def test_a_row_without_images_has_no_shares():
    assert np.isnan(row_shares(np.array([[0.0, 0.0], [1.0, 3.0]]))[0]).all()


def test_the_figure_leaves_labels_to_the_table():
    with _drawing.style():
        assert confusion_figure.draw(study(Predictions((make_multilabel(),), {}, ()), resamples=60)) is None
        drawn = confusion_figure.draw(study(Predictions((make_multiclass(),), {}, ()), resamples=60))
    assert [axes.get_title(loc="left") for axes in drawn.axes] == list(make_multiclass().arms)


def test_wilson_is_the_textbooks_where_patients_are_independent():
    """Newcombe, Statistics in Medicine 1998: 81 of 263, method 3."""
    share = 81 / 263
    low, high = wilson(share, math.sqrt(share * (1 - share) / 263), 263, 1.959964)
    assert (low, high) == pytest.approx((0.25529, 0.36621), abs=5e-6)


def test_a_share_at_its_bound_has_an_interval_and_no_more_patients_than_there_are():
    low, high = wilson(1.0, 0.0, 20, 1.96)
    assert high == pytest.approx(1) and low == pytest.approx(20 / (20 + 1.96**2))
    wide = wilson(0.9, 0.067, 20, 1.96)
    assert wilson(0.9, 1e-9, 20, 1.96) == pytest.approx(wide, abs=2e-3), "not as more than the patients"
    for share, patients in ((1.1, 5), (0.5, 0)):
        with pytest.raises(ValueError, match="no interval"):
            wilson(share, 0.1, patients, 1.96)


def test_perfect_arms_have_intervals_below_one():
    block = make_block(seeds=3)
    perfect = replace(block, scores=np.broadcast_to(block.truth, block.scores.shape).astype(np.float32))
    share, low, high = class_rates(perfect)[0].sensitivity_of(0)
    assert share == 1 and high == pytest.approx(1) and 0.8 < low < 1


def test_intervals_of_sensitivity_cover_the_truth():
    """New seeds, each with an error of its own, and new patients, with two images each: 300 simulated holdouts."""
    rng = np.random.default_rng(0)
    patients, seeds, inside = 60, 5, 0
    block = make_two_images_each(patients, seeds)
    truth = block.truth[:, 1]
    nodes = np.random.default_rng(1).normal(size=(200_000, 2))
    expected = (1.0 + 0.3 * nodes[:, 0] + 1.0 * nodes[:, 1] > 0).mean()
    for _ in range(300):
        latent = np.where(truth == 1, 1.0, -1.0) + 0.3 * rng.normal(size=(seeds, 1))
        latent = latent + 0.8 * np.repeat(rng.normal(size=2 * patients), 2) + 0.6 * rng.normal(size=len(truth))
        score = 1 / (1 + np.exp(-latent))
        drawn = np.stack([1 - score, score], axis=-1)[None, :, None]
        _, low, high = class_rates(replace(block, scores=drawn))[0].sensitivity_of(0)
        inside += low <= expected <= high
    assert 0.92 <= inside / 300 <= 0.99
