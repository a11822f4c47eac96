"""Thresholds on scores, against examples that are worked out by hand and against a search over all of them."""

import numpy as np
import pytest

from analysis.statistics.thresholds import at_specificity, rates, youden

#: Falling scores .9 .8 .7 .6 .5 .4 .3 .2 .1, of which the positives are .9 .8 .6 .3: with the first one called
#: sensitivity is 1/4 at specificity 5/5, with two 2/4 at 5/5, with four 3/4 at 4/5, with seven 4/4 at 2/5.
SCORES = np.arange(0.9, 0.05, -0.1)
TRUTH = np.isin(np.round(SCORES, 1), (0.9, 0.8, 0.6, 0.3)).astype(float)


def test_youden_is_that_of_the_example():
    threshold = youden(TRUTH, SCORES)
    assert threshold == pytest.approx(0.55), "in the middle between .6 and .5, with J = 3/4 + 4/5 - 1"
    assert rates(TRUTH, SCORES, threshold) == pytest.approx((3 / 4, 4 / 5))


@pytest.mark.parametrize(
    ("asked", "threshold", "reached"),
    [(1.0, 0.75, (2 / 4, 1)), (0.9, 0.75, (2 / 4, 1)), (0.8, 0.55, (3 / 4, 4 / 5)),
     (0.4, 0.25, (1, 2 / 5)), (0, 0.05, (1, 0))],
)  # fmt: skip
def test_the_lowest_threshold_with_a_specificity_is_that_of_the_example(asked, threshold, reached):
    assert at_specificity(TRUTH, SCORES, asked) == pytest.approx(threshold)
    assert rates(TRUTH, SCORES, at_specificity(TRUTH, SCORES, asked)) == pytest.approx(reached)


def test_a_tenth_of_the_negatives_may_be_called_positive_whatever_its_rounding():
    for negatives in (10, 30, 70, 110):
        scores = np.linspace(0, 1, negatives + 1)
        truth = np.append(np.zeros(negatives), 1.0)
        assert rates(truth, scores, at_specificity(truth, scores, 0.9)) == pytest.approx((1, 0.9))


def test_scores_that_no_positive_shares_with_a_negative_are_divided_in_the_middle():
    truth, scores = np.array([1.0, 1, 0, 0]), np.array([0.9, 0.7, 0.2, 0.1], dtype=np.float32)
    assert youden(truth, scores) == at_specificity(truth, scores, 0.9) == pytest.approx(0.45)


def test_tied_scores_are_called_together_or_not_at_all():
    truth, scores = np.array([1.0, 0, 1, 0]), np.array([1.0, 1, 0.5, 0], dtype=np.float32)
    above_all = at_specificity(truth, scores, 0.9)
    assert above_all > 1 and rates(truth, scores, above_all) == (0, 1), "also in single precision"
    assert youden(truth, scores) == 0.25


def test_of_equally_good_thresholds_the_highest_is_taken():
    """J = 1/3 after one of three positives, and again after all positives and two of three negatives."""
    truth = np.array([1.0, 0, 0, 1, 1, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert youden(truth, scores) == pytest.approx(0.85)


def test_no_other_threshold_is_better():
    rng = np.random.default_rng(0)
    for _ in range(40):
        truth = (rng.random(30) < 0.4).astype(float)
        scores = np.round(rng.random(30) + 0.3 * truth, 1).clip(0, 1).astype(np.float32)
        tried = [rates(truth, scores, threshold) for threshold in np.linspace(-0.01, 1.01, 400)]
        assert sum(rates(truth, scores, youden(truth, scores))) == pytest.approx(max(map(sum, tried)))
        sensitivity, specificity = rates(truth, scores, at_specificity(truth, scores, 0.9))
        assert specificity >= 0.9 and sensitivity == max(one for one, other in tried if other >= 0.9 - 1e-12)


def test_a_class_that_validation_lacks_has_no_threshold():
    for truth in (np.ones(3), np.zeros(3)):
        with pytest.raises(ValueError, match="positives and negatives"):
            youden(truth, np.array([0.1, 0.2, 0.3]))
