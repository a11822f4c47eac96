"""Label-equivalent gains of a study: every target n, and what an open end means."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.predictions.block import Predictions
from analysis.statistics import auc
from analysis.statistics.gain import label_equivalent
from analysis.study.gains import label_gains, named
from analysis.study.study import study
from analysis.tables import label_gain
from tests.analysis.conftest import make_block

SIZES = (25, 50, 100)
CURVES = ((0.68, 0.76), (0.74, 0.80), (0.80, 0.84))


def blocks(**changes):
    """Two arms whose curves are .06 apart, at three n, on the same patients."""
    made = [
        make_block(auroc=pair, seeds=5, images=300, images_per_patient=1, seed_sd=0.08, **changes) for pair in CURVES
    ]
    return [replace(b, n_per_class=n, arms=("scratch", "imagenet")) for n, b in zip(SIZES, made, strict=True)]


def study_of(members, resamples=1500):
    return study(Predictions(tuple(members), {}, ()), resamples=resamples)


@pytest.fixture(scope="module")
def gains():
    return list(label_gains(study_of(blocks())))


def test_every_n_of_every_arm_is_a_target(gains):
    assert [(g.arm_a, g.arm_b, g.n_of_b) for g in gains] == [
        (a, b, n) for a, b in (("scratch", "imagenet"), ("imagenet", "scratch")) for n in SIZES
    ]


def test_the_bootstrap_across_n_gives_what_delongs_covariance_does(gains):
    made = blocks()
    scores = np.concatenate([b.scores[0, :, 0, :, 1] for b in made] + [made[0].scores[1, :, 0, :, 1]])
    parts = auc.placements(made[0].truth[:, 1], scores, made[0].groups)
    values = parts.auc.reshape(4, 5)
    exact = label_equivalent(SIZES, values[:3], values[3], auc.covariance(parts), (0.0,) * 4)
    ours = gains[0].labels
    assert ours.labels == pytest.approx(exact[0])
    for ours_end, exact_end in zip((ours.low, ours.high), exact[1:], strict=True):
        assert ours_end == exact_end or math.log(ours_end / exact_end) == pytest.approx(0, abs=0.05)


def test_open_ends_are_said_in_words(gains):
    last = gains[2]  # scratch against imagenet at the largest n
    assert math.isinf(last.labels.high) and last.labels.never > 0.5
    assert last.reading.startswith(f"never reached in {last.labels.never:.0%} of resamples: more than 100")
    first = gains[3]  # imagenet against scratch at the smallest
    assert "fewer than 25" in first.reading
    frame = label_gain.build(study_of(blocks(), resamples=200))
    assert list(frame["n_of_b"]) == [*SIZES, *SIZES] and frame["ci_high"].iloc[2] == "> 100"
    assert "never reached" in frame["open_ends"].iloc[2]
    assert "open" in label_gain.CAPTION and "extrapolated" in label_gain.CAPTION


def test_too_few_common_seeds_or_other_patients_give_no_interval():
    made = blocks()
    few = [made[0], made[1], replace(made[2], seeds=(3, 4, 5, 6, 7))]
    for gain in label_gains(study_of(few, resamples=100)):
        assert math.isnan(gain.labels.low) and "2 seeds have every n" in gain.reading
    renamed = made[1].sample_ids.copy()
    renamed[0] = "another"
    for gain in label_gains(study_of([made[0], replace(made[1], sample_ids=renamed)], resamples=100)):
        assert math.isnan(gain.labels.high) and "holdouts differ" in gain.reading
    apart = [made[0], replace(made[1], seeds=(10, 11, 12, 13, 14))]
    assert list(label_gains(study_of(apart, resamples=100))) == []


def test_overlap_widens_the_interval():
    def width(rho):
        members = [replace(b, rho=rho) for b in blocks()]
        gain = list(label_gains(study_of(members, resamples=400)))[1]
        low, high = (np.clip(end, 1, 1e4) for end in (gain.labels.low, gain.labels.high))
        return math.log(high / low)

    assert width(0.6) > width(0.0)


def test_numbers_of_labels_read_as_text():
    assert [named(v, SIZES) for v in (math.nan, -math.inf, math.inf, 70.7)] == ["", "< 25", "> 100", "71"]
