"""What arms lose on a test set from elsewhere, and whether their ranking holds there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from analysis.page.elsewhere import sentences_on
from analysis.predictions.block import Predictions, part_of
from analysis.statistics.inference import joint
from analysis.study.elsewhere import Ranking
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import external_drop, external_drop_pairwise, external_pairwise, external_ranking, external_sets
from benchmark import metrics
from tests.analysis.conftest import make_block, make_multiclass

AUROC = metrics.find("auroc")
NAME = "toy -> far"


def study_of(own, *there, metric="auroc", estimand="population", **facts):
    """A study of a block, and of others as test sets from elsewhere."""
    named = [replace(block, dataset=NAME + "ther" * i) for i, block in enumerate(there)]
    of_sets = {block.dataset: {"external_of": own.dataset, **facts} for block in named}
    external = Predictions(tuple(named), of_sets, ()) if there else None
    return study(Predictions((own,), {}, ()), metric, resamples=60, estimand=estimand, external=external)


def blocks(count=2, **changes):
    return [make_block(seed, **changes) for seed in range(count)]


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_a_drop_is_formed_within_seeds_and_adds_the_variances_over_patients(metric):
    own, far = blocks(seeds=5)
    (there,) = study_of(own, far, metric=metric).elsewhere
    sign = -1 if metric == "log_loss" else 1
    here, afar = (score(block, metrics.find(metric)) for block in (own, far))
    for a in range(3):
        values = sign * (here.values[a] - afar.values[a])
        expected = joint(values, here.arm_covariance(a) + afar.arm_covariance(a), own.rho)
        drop = there.drop(a)
        assert drop.estimate == pytest.approx(expected.estimate)
        assert drop.interval() == pytest.approx(expected.interval())
    mean = joint(here.values[0], here.arm_covariance(0)), joint(afar.values[0], afar.arm_covariance(0))
    assert there.drop(0).patient_part == pytest.approx(sum(of.patient_part for of in mean))


def test_the_difference_of_two_drops_is_that_of_two_differences():
    own, far = blocks(seeds=5)
    (there,) = study_of(own, far).elsewhere
    here, afar = score(own, AUROC), score(far, AUROC)
    difference = there.drop_difference(0, 2)
    assert difference.estimate == pytest.approx(there.drop(2).estimate - there.drop(0).estimate)
    covariance = here.difference_covariance(0, 2) + afar.difference_covariance(0, 2)
    values = here.values[2] - here.values[0] - afar.values[2] + afar.values[0]
    assert difference.se == pytest.approx(joint(values, covariance).se)
    assert difference.se < math.hypot(there.drop(0).se, there.drop(2).se), "the arms share patients and seeds"


def test_for_fixed_models_a_drop_is_about_both_sets_of_patients_alone():
    own, far = blocks(seeds=3)
    (there,) = study_of(own, far, estimand="models").elsewhere
    drop, here, afar = there.drop(1), there.own.arm(1), there.scored.arm(1)
    assert drop.se == pytest.approx(math.hypot(here.se, afar.se))
    assert min(here.df, afar.df) < drop.df < here.df + afar.df


def drawn(rng, deltas, dataset, images=150):
    """A block of one arm whose seeds have these class effects, on patients of its own."""
    y = np.arange(images) % 2
    latent = math.sqrt(0.5) * rng.standard_normal(images) + math.sqrt(0.5) * rng.standard_normal((len(deltas), images))
    positive = norm.cdf(latent + deltas[:, None] * y - 0.5)
    base = make_block(auroc=(0.8,), seeds=len(deltas), images=images, images_per_patient=1)
    return replace(
        base,
        dataset=dataset,
        truth=np.eye(2)[y],
        scores=np.stack([1 - positive, positive], axis=-1)[None, :, None],
    )


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_interval_of_a_drop_covers_the_true_one(correlation):
    """Seeds move both class effects, together or apart; patients are others. 400 studies: SE about 1.1 points."""
    rng, seeds, sds = np.random.default_rng(3), 5, (0.25, 0.35)
    means = [norm.ppf(auroc) * math.sqrt(2 + sd**2) for auroc, sd in zip((0.85, 0.7), sds, strict=True)]
    covers = np.diag(sds) @ np.array([[1, correlation], [correlation, 1]]) @ np.diag(sds)
    inside = 0
    for _ in range(400):
        deltas = rng.multivariate_normal(means, covers, size=seeds)
        own, far = (score(drawn(rng, deltas[:, i], name), AUROC) for i, name in enumerate(("toy", NAME)))
        drop = joint(own.values[0] - far.values[0], own.arm_covariance(0) + far.arm_covariance(0))
        low, high = drop.interval()
        inside += low <= 0.15 <= high
    assert 0.917 < inside / 400 < 0.983


def test_claims_there_are_a_family_of_their_own_and_leave_the_own_ones_alone():
    own, far, farther = blocks(3, seeds=5)
    alone, both = study_of(own), study_of(own, far, farther)
    assert [c.adjusted_p for c in both.comparisons] == [c.adjusted_p for c in alone.comparisons]
    assert {c.family for there in both.elsewhere for c in there.comparisons} == {3}
    of_one = study_of(own, far).elsewhere[0].comparisons
    assert [c.adjusted_p for c in both.elsewhere[0].comparisons] == [c.adjusted_p for c in of_one]
    assert len(external_pairwise.build(both)) == 6 and len(external_drop.build(both)) == 6
    assert len(external_drop_pairwise.build(both)) == 6
    for table in (external_pairwise, external_drop, external_drop_pairwise, external_ranking, external_sets):
        assert table.build(alone) is None


def test_classes_that_are_not_there_are_left_out_on_the_own_holdout_too():
    own, far = make_multiclass(0), make_multiclass(1)
    far = part_of(far, far.arms, far.seeds, ("class 0", "class 2"))
    (there,) = study_of(own, far, dropped=["class 1"]).elsewhere
    block = there.own.block
    kept = own.truth[:, 1] == 0
    assert block.classes == far.classes and len(block.truth) == kept.sum()
    np.testing.assert_allclose(block.scores.sum(-1), 1, rtol=1e-6)
    ratio = own.scores[..., kept, 0] / own.scores[..., kept, 2]
    np.testing.assert_allclose(block.scores[..., 0] / block.scores[..., 1], ratio, rtol=1e-4)
    assert block.group_count == len(np.unique(own.groups[kept]))
    (sentence,) = sentences_on(study_of(own, far, dropped=["class 1"], external="far"), "toy", 100)
    assert "On a test set from elsewhere (far), " in sentence and "95% CI" in sentence
    assert "without class 1, which it lacks" in sentence


def test_a_block_that_is_asked_for_all_it_has_is_itself():
    own = make_multiclass(0)
    assert part_of(own, own.arms, own.seeds, own.classes) is own
    part = part_of(own, own.arms[::-1], own.seeds[1:], own.classes)
    np.testing.assert_array_equal(part.scores[0, 0], own.scores[1, 1])


@pytest.mark.parametrize(
    ("counts", "holds", "reason"),
    [
        ((3, 0, 0, 0, 0), "open", "no difference is decided on the own holdout"),
        ((3, 0, 0, 0, 1), "open", "though 1 of 3 is there"),
        ((3, 2, 2, 0, 0), "yes", "of 2 decided differences, there 2 the same way"),
        ((3, 2, 1, 0, 1), "open", "there 1 the same way, 1 not at all"),
        ((3, 3, 1, 1, 0), "no", "there 1 the same way, 1 the other way, 1 not at all"),
        ((0, 0, 0, 0, 0), "open", "there is one arm"),
    ],
)
def test_when_a_ranking_holds(counts, holds, reason):
    ranking = Ranking(*counts)
    assert ranking.holds == holds and reason in ranking.reason


@pytest.mark.parametrize(("aurocs", "holds"), [((0.7, 0.95), "yes"), ((0.95, 0.7), "no"), ((0.85, 0.85), "open")])
def test_a_ranking_is_read_from_both_families_verdicts(aurocs, holds):
    own = make_block(0, auroc=(0.7, 0.95), seeds=6, images=400, images_per_patient=1, seed_sd=0.05)
    far = make_block(1, auroc=aurocs, seeds=6, images=400, images_per_patient=1, seed_sd=0.05)
    computed = study_of(own, far, labels="weak: read by a program")
    assert computed.comparisons[0].verdict == "better"
    (row,) = external_ranking.build(computed).to_dict("records")
    assert row["holds"] == holds and row["decided"] == 1
    (sentence,) = sentences_on(computed, "toy", 100)
    assert f"the ranking of the arms holds there: {holds}" in sentence and "its labels are weak" in sentence


def test_of_two_maps_of_one_data_set_the_sentences_say_which():
    own, far, farther = blocks(3, seeds=5)
    sentences = sentences_on(study_of(own, far, farther, external="far"), "toy", 100)
    assert [sentence.split(")")[0] for sentence in sentences] == [
        "On a test set from elsewhere (far",
        "On a test set from elsewhere (farther",
    ]


def test_of_many_arms_the_sentence_gives_the_range_and_no_interval_of_an_extreme():
    own, far = (make_block(seed, auroc=(0.7, 0.75, 0.8, 0.85, 0.9), seeds=5) for seed in range(2))
    computed = study_of(own, far)
    (sentence,) = sentences_on(computed, "toy", 100)
    drops = [computed.elsewhere[0].drop(a).estimate for a in range(5)]
    assert f"with drops of {min(drops):+.3f} (" in sentence and f" to {max(drops):+.3f} (" in sentence
    assert "95% CI" not in sentence and "'external_drop'" in sentence


def test_few_patients_on_the_own_holdout_are_named_too():
    own, far = make_block(0, images=40, seeds=5), make_block(1, images=400, images_per_patient=1, seeds=5)
    (sentence,) = sentences_on(study_of(own, far), "toy", 100)
    assert "patients only, here or there" in sentence
