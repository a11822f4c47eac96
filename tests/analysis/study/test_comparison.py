"""Comparisons as one family, for three estimands, and what the tables and remarks say of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis import plan
from analysis.page.remarks import out_of_reach
from analysis.predictions.block import Predictions
from analysis.statistics.inference import data_part
from analysis.statistics.multiplicity import benjamini_hochberg, family, holm
from analysis.study.comparison import compare_all
from analysis.study.methods import answers
from analysis.study.scores import score
from analysis.study.study import study
from analysis.tables import equivalence, estimands, multiplicity, pairwise
from benchmark import metrics
from tests.analysis.conftest import make_block

AUROC = metrics.find("auroc")


def study_of(*blocks):
    return study(Predictions(blocks, {}, ()), resamples=60)


def single(block):
    return replace(block, seeds=block.seeds[:1], scores=block.scores[:, :1])


def test_differences_and_equivalences_are_one_family(block):
    comparisons = compare_all([score(block, AUROC)], 0.02)
    adjusted = family([c.inference.p for c in comparisons], [c.equivalence.tost_p for c in comparisons])
    assert [c.adjusted_p for c in comparisons] == list(adjusted[0])
    assert [c.equivalent_p for c in comparisons] == list(adjusted[1])
    assert {c.family for c in comparisons} == {3}
    for c in comparisons:
        assert c.family_interval == c.inference.interval(1 - 0.05 / 3)
        assert c.family_interval[0] < c.interval[0] and "simultaneous over 3 comparisons" in c.sentence
        assert c.detectable(c.alpha) > c.detectable(0.05)


def test_no_interval_excludes_zero_beside_inconclusive():
    for seed in range(6):
        for c in compare_all([score(make_block(seed, seeds=5), AUROC)], 0.02):
            if c.verdict == "inconclusive":
                assert c.family_interval[0] <= 0 <= c.family_interval[1]


def test_another_correction_takes_each_kind_by_itself(block):
    comparisons = compare_all([score(block, AUROC)], 0.02, benjamini_hochberg)
    assert [c.adjusted_p for c in comparisons] == list(benjamini_hochberg([c.inference.p for c in comparisons]))


def test_blocks_with_too_few_seeds_do_not_count_in_the_family(block):
    comparisons = compare_all([score(block, AUROC), score(single(block), AUROC)], 0.02)
    assert {c.family for c in comparisons} == {3}
    assert [c.verdict for c in comparisons[3:]] == ["not tested"] * 3


def test_the_estimand_is_named_and_each_has_its_row(block):
    known, unknown = replace(block, rho=0.3, rho_known=True), replace(block, rho=0.0, rho_known=False)
    for member, primary, count in (
        (known, "the population", 3), (unknown, "this pool", 2), (single(known), "these models", 1),
    ):  # fmt: skip
        made = study_of(member)
        assert set(pairwise.build(made)["estimand"]) == {primary}
        frame = estimands.build(made)
        assert len(frame) == 3 * count and set(frame.loc[frame["primary"], "estimand"]) == {primary}
    rows = estimands.build(study_of(known)).query("arm_a == 'scratch' and arm_b == 'medical'").set_index("estimand")
    assert rows["se"].is_monotonic_increasing and rows["se"].nunique() == 3
    scored = score(known, AUROC)
    cov = scored.difference_covariance(0, 2)
    assert rows.loc["these models", "se"] == pytest.approx(math.sqrt(cov.sum()) / 4)
    assert rows.loc["this pool", "p"] == scored.pair(0, 2, "pool").p


def test_refits_are_kept_and_used():
    base = replace(make_block(), rho=0.4, rho_known=True)
    noise = np.random.default_rng(0).normal(0, 0.05, (3, 4, 2, *base.scores.shape[3:]))
    twice = replace(base, scores=np.clip(base.scores + noise, 0, 1).astype(np.float32))
    for name in ("auroc", "brier", "average_precision"):
        scored = score(twice, metrics.find(name))
        assert scored.refits.shape == (3, 4, 2)
        assert scored.refits.mean(axis=2) == pytest.approx(scored.values, abs=1e-6)
    values, refits = scored.values[1] - scored.values[0], scored.refits[1] - scored.refits[0]
    hidden = data_part(values, scored.difference_covariance(0, 1), refits)
    inference = scored.pair(0, 1)
    variance = values.var(ddof=1)
    assert hidden > 0 and inference.seed_part == pytest.approx(variance / 4 + 2 / 3 * max(hidden, 0.75 * variance))
    assert scored.components(0, 1).hidden == pytest.approx(0.4 / 0.6 * hidden)


def test_the_parts_add_up_to_the_variance_of_the_test(block):
    scored = score(replace(block, rho=0.3, rho_known=True), AUROC)
    parts, inference = scored.components(0, 1), scored.pair(0, 1)
    one_seed = parts.seeds + parts.interaction
    cautious = max(0.75 * one_seed - parts.seeds, 0)  # of what patients and seeds do together, taken as the samples'
    total = one_seed / 4 + parts.patients + parts.hidden + 3 / 7 * cautious
    assert total == pytest.approx(inference.se**2)


def test_nothing_is_equivalent_below_three_seeds(block):
    frame = equivalence.build(study_of(single(block)))
    assert frame["equivalent"].isna().all() and frame["b_noninferior"].isna().all() and frame["tost_p"].isna().all()


def test_the_corrections_stand_side_by_side(block):
    made = study_of(block)
    frame = multiplicity.build(made)
    assert frame["p_holm"].tolist() == list(holm(frame["p"]))
    assert frame["p_family"].tolist() == [c.adjusted_p for c in made.comparisons]
    assert (frame["p_family"] >= frame["p_holm"]).all()


def test_hillis_and_cochran_stand_beside_the_primary_method(block):
    by_method = {answer.method: answer for _, answer in answers(study_of(block))}
    hillis, cochran = by_method["joint, Hillis's degrees of freedom"], by_method["joint, Cochran's critical value"]
    primary = by_method["joint over seeds and patients (primary)"]
    assert hillis.se == cochran.se == primary.se and len({hillis.p, cochran.p, primary.p}) == 3


def test_three_seeds_and_many_comparisons_are_said_to_decide_nothing():
    few = make_block(seeds=3)
    remarks = out_of_reach(study_of(few, replace(few, n_per_class=20)))
    assert len(remarks) == 1 and "With 3 seeds and 6 comparisons no verdict can be reached unless" in remarks[0]
    assert out_of_reach(study_of(make_block(seeds=5))) == []


def test_the_plan_is_made_at_the_familys_level(capsys):
    assert plan.main(["--difference", "0.05"]) == 0
    one = capsys.readouterr().out
    assert plan.main(["--difference", "0.05", "--comparisons", "18"]) == 0
    many = capsys.readouterr().out
    assert "over 18 comparisons" in many and "one comparison" in many and "over" not in one
    assert one.splitlines()[1:12] == many[many.index("\n\n") :].splitlines()[2:13]
    assert plan.main(["--comparisons", "0"]) == 2
    assert "--comparisons 0" in capsys.readouterr().err
