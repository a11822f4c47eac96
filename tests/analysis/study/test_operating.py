"""The curves of the figures, against scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from analysis.study import operating
from tests.analysis.conftest import make_block, make_multilabel

ROOT = np.random.SeedSequence(5)


@pytest.fixture(params=["as they are", "tied"])
def one_seed(request):
    block = make_block(seeds=1, images=160)
    return block if request.param == "as they are" else replace(block, scores=np.round(block.scores, 1))


def test_the_roc_curve_is_scikit_learns_interpolated(one_seed):
    curves = operating.curves(one_seed, ROOT)
    for a in range(len(one_seed.arms)):
        fpr, tpr, _ = roc_curve(one_seed.truth[:, 1], one_seed.scores[a, 0, 0, :, 1], drop_intermediate=False)
        # Where the curve rises upright, a grid point takes the upper end.
        highest = np.array([tpr[fpr == value].max() for value in np.unique(fpr)])
        expected = np.interp(operating.GRID, np.unique(fpr), highest)
        upright = np.isin(operating.GRID, fpr)
        assert curves.roc[a][upright] == pytest.approx(expected[upright])
        assert (curves.roc[a] <= expected + 1e-12).all()
        assert (np.diff(curves.roc[a]) >= -1e-12).all() and curves.roc[a][-1] == pytest.approx(1)


def test_precision_is_that_of_the_first_threshold_that_reaches_the_recall(one_seed):
    curves = operating.curves(one_seed, ROOT)
    for a in range(len(one_seed.arms)):
        precision, recall, _ = precision_recall_curve(one_seed.truth[:, 1], one_seed.scores[a, 0, 0, :, 1])
        for at in (10, 50, 99):
            reached = np.flatnonzero(recall >= operating.GRID[at] - 1e-12)[-1]
            # Of all thresholds with that recall the strictest, which scikit-learn lists last.
            assert curves.precision[a, at] == pytest.approx(precision[reached])


def test_a_thinned_curve_stays_on_the_curve(monkeypatch):
    block = make_block(seeds=2, images=400)
    exact = operating.curves(block, ROOT)
    monkeypatch.setattr(operating, "POINTS", 100)
    thinned = operating.curves(block, ROOT)
    assert np.abs(thinned.roc - exact.roc).max() < 0.02
    assert thinned.roc[:, -1] == pytest.approx(1)


def test_bands_are_wider_for_fewer_patients():
    few, many = (operating.curves(make_block(images=images), ROOT) for images in (80, 800))
    assert few.roc_se.mean() > 1.5 * many.roc_se.mean() > 0
    assert few.precision_se.mean() > many.precision_se.mean() > 0


def test_reliability_of_known_labels_alone():
    block = make_multilabel(images=300)
    predicted, observed = operating.reliability(block, 0)
    assert predicted.shape == observed.shape == (len(block.seeds), 10)
    assert (np.diff(predicted) > 0).all() and (observed[:, -1] > observed[:, 0]).all()
    alone = replace(block, seeds=block.seeds[1:2], scores=block.scores[:, 1:2])
    assert operating.reliability(alone, 0)[1][0] == pytest.approx(observed[1])
    known = ~np.isnan(block.truth)
    total = np.mean([block.scores[0, :, 0, known[:, k], k].mean() for k in range(3)])
    assert predicted.mean() == pytest.approx(total, abs=0.01)


def test_reliability_needs_an_image_a_bin():
    few = make_block(images=8, images_per_patient=1)
    predicted, observed = operating.reliability(few, 0)
    assert (predicted == 0).all() and (observed == 0).all()
