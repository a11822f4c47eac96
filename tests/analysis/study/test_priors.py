"""Scores and metrics for the holdout's prevalence, and decision curves."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.predictions.block import Predictions
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study import priors
from analysis.study.net_benefit import decisions
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import net_benefit, prior_corrected, prior_corrected_pairwise, sensitivity
from benchmark import metrics
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel


def of(*blocks, **facts):
    return study(Predictions(blocks, facts, ()), resamples=100)


@pytest.fixture(scope="module")
def rare():
    return make_block(prevalence=0.08, images=500)


def test_training_is_uniform_over_classes_unless_the_file_says_otherwise(rare):
    uniform = priors.correction(rare, {})
    assert uniform.training == pytest.approx([0.5, 0.5]) and uniform.source == priors.BALANCED
    recorded = priors.correction(rare, {"training_prior": {"100": [0.9, 0.1], "200": [0.5, 0.5]}})
    assert recorded.training == pytest.approx([0.9, 0.1]) and recorded.source == priors.RECORDED
    odds = rare.scores[..., 1] / rare.scores[..., 0]
    prevalence = rare.truth[:, 1].mean()
    for made in (uniform, recorded):
        ratio = prevalence / (1 - prevalence) / (made.training[1] / made.training[0])
        assert made.block.scores[..., 1] / made.block.scores[..., 0] == pytest.approx(odds * ratio, rel=1e-5)
    for unusable in ({"100": [0.5]}, {"100": [0, 1]}, {"100": "half"}, [0.5, 0.5], {"50": [0.9, 0.1]}):
        assert priors.correction(rare, {"training_prior": unusable}).source == priors.BALANCED


def test_labels_are_corrected_only_where_their_prevalence_in_training_is_recorded():
    block = make_multilabel()
    left = priors.correction(block, {})
    assert not left.made and left.block is block and left.kind == priors.AS_IS
    made = priors.correction(block, {"training_prior": {"100": [0.5, 0.25, 0.1]}})
    assert made.made and made.kind == priors.CORRECTED
    assert made.block.scores[..., 2].mean() > block.scores[..., 2].mean() + 0.2
    assert prior_corrected.build(of(block)) is None and prior_corrected_pairwise.build(of(block)) is None
    assert set(net_benefit.build(of(block))["scores"]) == {priors.AS_IS}
    known = of(block, toy={"training_prior": {"100": [0.5, 0.25, 0.1]}})
    assert set(prior_corrected.build(known)["training_prior"]) == {priors.RECORDED}


def test_the_prior_of_training_comes_with_the_predictions(rare, tmp_path):
    write_block(tmp_path / "p.parquet", rare, {"training_prior": {"100": [0.8, 0.2]}})
    (made,) = study(read_predictions(tmp_path / "p.parquet"), resamples=100).corrections
    assert made.source == priors.RECORDED and made.training == pytest.approx([0.8, 0.2])


def test_the_table_holds_each_metric_before_and_after_with_their_joint_difference(rare):
    computed = of(rare)
    frame = prior_corrected.build(computed).set_index(["metric", "arm"])
    corrected = computed.corrections[0].block
    of_sums = [name for name in metrics.names() if metrics.find(name).of_sums is not None]
    assert {"log_loss", "brier", "macro_f1", "mcc"} <= set(of_sums) == set(frame.index.get_level_values(0))
    for name in of_sums:
        before, after = (score(part, metrics.find(name)) for part in (rare, corrected))
        for a, arm in enumerate(rare.arms):
            row = frame.loc[(name, arm)]
            assert row["as_is"] == pytest.approx(before.arm(a).estimate)
            assert row["corrected"] == pytest.approx(after.arm(a).estimate)
            assert row["change"] == pytest.approx(row["corrected"] - row["as_is"])
            assert row["change_low"] <= row["change"] <= row["change_high"]
            low, high = after.arm(a).interval()
            if name in ("log_loss", "brier"):
                assert (row["corrected_low"], row["corrected_high"]) == pytest.approx((low, high))
                assert row["change_high"] < 0
    # The same models on the same patients: the change is known better than either value.
    log_loss = frame.loc["log_loss"]
    apart = np.hypot(
        log_loss["as_is_high"] - log_loss["as_is_low"], log_loss["corrected_high"] - log_loss["corrected_low"]
    )
    assert (log_loss["change_high"] - log_loss["change_low"] < apart).all()


def test_pairs_on_corrected_scores_are_those_of_a_study_of_the_corrected_scores(rare):
    computed = of(rare)
    frame = prior_corrected_pairwise.build(computed)
    again = of(computed.corrections[0].block)
    for name in ("log_loss", "mcc"):
        expected = again.exploratory_comparisons(name)
        rows = frame[frame["metric"] == name]
        assert list(rows["arm_b"]) == [comparison.arm_b for comparison in expected]
        assert rows["difference"].to_numpy() == pytest.approx([c.estimate for c in expected])
        assert rows["ci_low"].to_numpy() == pytest.approx([c.interval[0] for c in expected])
        assert rows["q_bh"].to_numpy() == pytest.approx([c.adjusted_p for c in expected])


def test_decision_curves_lie_below_the_prevalence_and_their_gain_above_doing_the_same_for_all(rare):
    curves = decisions(priors.correction(rare, {}))
    prevalence = rare.truth[:, 1].mean()
    mean = np.array([curve.estimates for curve in curves.arms])
    assert (mean <= prevalence).all() and (curves.treat_all <= prevalence).all()
    for t in (0, 10, 40):
        inference, gain = curves.arms[0].inferences[t], curves.gains[0].inferences[t]
        assert inference.estimate == pytest.approx(mean[0, t])
        assert gain.estimate == pytest.approx(mean[0, t] - max(curves.treat_all[t], 0))
        assert inference.interval()[0] <= inference.estimate <= inference.interval()[1]
    # Nearly all are acted on: the patients cancel.
    assert curves.gains[0].inferences[0].se < 0.5 * curves.arms[0].inferences[0].se
    raw = np.array([curve.estimates for curve in decisions(replace(priors.correction(rare, {}), block=rare)).arms])
    assert (mean[:, 10:20] > raw[:, 10:20]).all()  # balanced training acts on far too many


def test_net_benefit_of_several_classes_is_their_mean_and_unknown_labels_are_left_out():
    block = make_multiclass()
    curves = decisions(priors.correction(block, {}))
    assert curves.treat_all[0] == pytest.approx(1 / 3 - 2 / 3 * 0.02 / 0.98)
    labels = make_multilabel()
    curves = decisions(priors.correction(labels, {}))
    rates = np.nanmean(labels.truth, axis=0)
    assert curves.treat_all[24] == pytest.approx((rates - (1 - rates)).mean())


def test_mcnemar_stands_beside_its_like_on_corrected_scores(rare):
    frame = sensitivity.build(of(rare))
    plain, made = (frame[frame["method"] == f"McNemar, clustered{suffix}"] for suffix in ("", ", prior-corrected"))
    assert len(plain) == len(made) == 3 * len(rare.seeds)
    corrected = priors.correction(rare, {}).block.scores
    right = corrected[:, 1, 0].argmax(axis=-1) == rare.truth.argmax(axis=-1)
    row = made[(made["seed"] == str(rare.seeds[1])) & (made["arm_b"] == "imagenet")].iloc[0]
    assert row["difference"] == pytest.approx(right[1].mean() - right[0].mean())
    assert not np.allclose(plain["difference"], made["difference"])
    assert not frame_of_labels()["method"].str.contains("McNemar").any()


def frame_of_labels():
    return sensitivity.build(of(make_multilabel()))


def test_refits_enter_as_they_do_elsewhere():
    block = replace(make_multiclass(refits=3), rho=0.4)
    curves = decisions(priors.correction(block, {}))
    alone = [
        decisions(priors.correction(replace(block, scores=block.scores[:, :, r : r + 1]), {})).arms[0] for r in range(3)
    ]
    assert curves.arms[0].estimates == pytest.approx(np.mean([curve.estimates for curve in alone], axis=0))
    assert curves.arms[0].inferences[10].se < max(curve.inferences[10].se for curve in alone)
    computed = of(block)
    expected = score(computed.corrections[0].block, metrics.find("brier"))
    assert computed.corrected[0].scored["brier"].arm(1).se == pytest.approx(expected.arm(1).se)
