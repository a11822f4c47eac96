"""The estimand is chosen once, and everything that is computed follows it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from analysis import compare
from analysis.predictions.block import Predictions
from analysis.simulation.models import Case, simulated
from analysis.statistics import auc
from analysis.study.about import intervals_about, models_fixed
from analysis.study.arms_covariance import arms_covariance
from analysis.study.calibration import calibration
from analysis.study.comparison import compare_all
from analysis.study.gains import label_gains
from analysis.study.intervals import arm_interval
from analysis.study.methods import answers
from analysis.study.net_benefit import decisions
from analysis.study.operating import curves
from analysis.study.priors import correction
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import bootstrap, collapse, effects, estimands, labels, power, rank_sets, variance, winner
from benchmark import metrics
from benchmark.errors import InputError
from tests.analysis.conftest import make_block, make_multiclass

AUROC = metrics.find("auroc")


def of(*blocks):
    return Predictions(blocks, {}, ())


def single(block):
    return replace(block, seeds=block.seeds[:1], scores=block.scores[:, :1])


def fixed(block):
    return replace(block, estimand="models")


@pytest.fixture(scope="module")
def board():
    """Six models of one seed on three labels, without n."""
    return simulated(Case(6, True, labels=3, patients=120), np.random.default_rng(0))


@pytest.fixture(scope="module")
def computed(board):
    return study(of(board), resamples=60, estimand="models")


def test_one_seed_is_tested_by_clustered_delong_for_these_models(block):
    one = single(block)
    assert all(math.isnan(c.inference.p) and c.verdict == "not tested" for c in compare(of(one)))
    comparisons = compare(of(one), estimand="models")
    areas, covariance = auc.macro_auc(one.truth[:, 1:], one.scores[:, 0, 0, :, 1:], one.groups)
    for c in comparisons:
        se = math.sqrt(covariance[c.a, c.a] + covariance[c.b, c.b] - 2 * covariance[c.a, c.b])
        assert c.estimate == pytest.approx(areas[c.b] - areas[c.a]) and c.inference.se == pytest.approx(se)
        assert c.inference.p == pytest.approx(2 * t.sf(abs(c.estimate) / se, c.inference.df))
        assert 20 < c.inference.df < one.group_count and c.family == 3 and c.verdict != "not tested"
        assert ", these trained models on new patients" in c.sentence
        low, high = c.interval
        assert c.detectable(0.05) > (high - low) / 2


def test_several_seeds_are_held_fixed_and_their_overlap_does_not_matter(block):
    known = replace(block, rho=0.5, rho_known=True)
    by = {name: compare(of(known), estimand=name) for name in ("population", "pool", "models")}
    for population, pool, models in zip(*by.values(), strict=True):
        assert models.inference.se == pytest.approx(math.sqrt(models.covariance.sum()) / 4)
        assert models.inference.se < pool.inference.se < population.inference.se
        assert population.estimate == pool.estimate == models.estimate
    assert [c.scored.estimand for c in (by["population"][0], by["pool"][0], by["models"][0])] == [
        "the population", "this pool", "these models"
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"unknown estimand 'model'\. Did you mean 'models'"):
        compare(of(block), estimand="model")


@pytest.mark.parametrize("metric", ["brier", "average_precision"])
def test_other_metrics_follow(block, metric):
    scored = score(fixed(single(block)), metrics.find(metric))
    inference = scored.pair(0, 1)
    assert not math.isnan(inference.p) and inference.se == pytest.approx(
        math.sqrt(scored.difference_covariance(0, 1)[0, 0])
    )
    assert math.isinf(inference.df) == (metric == "average_precision"), "of resamples there are no contributions"


def test_everything_on_an_arm_follows(block):
    held = fixed(block)
    joint, models = score(block, AUROC), score(held, AUROC)

    def width(scored):
        low, high = arm_interval(scored, 0)
        return high - low

    assert width(models) < width(joint)
    assert np.diag(arms_covariance(models)) == pytest.approx([models.arm(a).se ** 2 for a in range(3)])
    assert calibration(held, 0).slope.se < calibration(block, 0).slope.se
    at = 20
    gains = [decisions(correction(member, {})).arms[0].inferences[at].se for member in (block, held)]
    assert gains[1] < gains[0]
    root = np.random.SeedSequence(1)
    assert curves(held, root).roc_se.mean() < curves(block, root).roc_se.mean()


def test_few_positive_patients_keep_newcombes_interval():
    rare = make_block(auroc=(0.95,), seeds=3, images=120, images_per_patient=1, prevalence=0.1)
    mean = score(fixed(rare), AUROC)
    low, high = arm_interval(mean, 0)
    assert arm_interval(score(rare, AUROC), 0)[0] < low < mean.arm(0).estimate < high < 1


def test_what_is_about_new_training_samples_is_left_out(computed, block):
    for table in (effects, collapse, variance):
        assert table.build(computed) is None
    two = [replace(block, n_per_class=n) for n in (50, 100)]
    several = study(of(*two), resamples=60, estimand="models")
    assert list(label_gains(several)) == [] and list(label_gains(study(of(*two), resamples=60)))
    shares = variance.build(several)
    assert (shares["share_seeds"] == 0).all() and shares["seeds"].eq(4).all()
    assert (shares["share_patients"] + shares["share_interaction"]).to_numpy() == pytest.approx(1)
    assert bootstrap.build(several)["resampled"].unique().tolist() == ["patients"]


def test_the_tables_are_about_these_models(computed, block):
    assert models_fixed(computed) and intervals_about(computed) == "these trained models and new patients"
    frame = estimands.build(computed)
    assert len(frame) == 15 and frame["primary"].all() and frame["p"].notna().all()
    found = power.build(computed)
    assert found["seeds"].unique().tolist() == ["this 1"]
    assert (found["patients_x1"] / found["patients_x4"]).to_numpy() == pytest.approx(2)
    assert winner.build(computed)["corrected"].notna().all()
    for estimand, primary in (
        ("models", "patients only, seeds fixed"),
        ("population", "joint over seeds and patients"),
    ):
        first = {
            id(c): answer for c, answer in reversed(list(answers(study(of(block), resamples=60, estimand=estimand))))
        }
        assert {answer.method for answer in first.values()} == {f"{primary} (primary)"}


def test_ranks_hold_together_with_the_simultaneous_intervals(computed, board):
    frame = rank_sets.build(computed).set_index("arm")
    assert frame["rank"].tolist() == list(range(1, 7)) and frame["estimate"].is_monotonic_decreasing
    for arm, row in frame.iterrows():
        above = sum(
            (c.arm_a == arm and c.family_interval[0] > 0) or (c.arm_b == arm and c.family_interval[1] < 0)
            for c in computed.comparisons
        )
        assert row["rank_best"] == 1 + above and row["rank_best"] <= row["rank"] <= row["rank_worst"]
    loss = study(of(board), "log_loss", resamples=60, estimand="models")
    assert rank_sets.build(loss)["estimate"].is_monotonic_increasing, "lower is better"
    assert rank_sets.build(study(of(board), resamples=60)) is None, "one seed says nothing of new training samples"


def test_every_label_stands_by_itself(computed, board, block):
    frame = labels.build(computed)
    assert len(frame) == 18 and (frame["ci_low"] < frame["auroc"]).all() and (frame["auroc"] < frame["ci_high"]).all()
    mean = frame.groupby("arm")["auroc"].mean()
    assert mean[list(board.arms)].to_numpy() == pytest.approx(computed.scored[0].values[:, 0])
    assert (frame["positives"] > frame["patients"]).all() and frame["rank_best"].notna().all()
    classes = make_multiclass()
    assert len(labels.build(study(of(classes), resamples=60))) == 2 * len(classes.classes)
    binary = labels.build(study(of(block), resamples=60))
    assert list(binary["label"]) == [block.classes[1]] * len(block.arms), "of a binary task the positive class"


def test_identical_models_are_equivalent_and_share_all_ranks():
    one = single(make_block())
    same = fixed(replace(one, scores=np.repeat(one.scores[:1], 3, axis=0)))
    comparisons = compare_all([score(same, AUROC)], 0.02)
    assert [(c.estimate, c.inference.p, c.verdict) for c in comparisons] == [(0, 1, "equivalent")] * 3
    made = study(of(same), resamples=60, estimand="models")
    assert rank_sets.build(made)[["rank", "rank_best", "rank_worst"]].to_numpy().tolist() == [[1, 1, 3]] * 3
