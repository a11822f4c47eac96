"""What the page says of few comparisons, of many, and of one training sample."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from analysis import figures, report, tables
from analysis.page.findings import findings
from analysis.predictions.block import Predictions
from analysis.simulation.simulate import write_block
from analysis.study.about import caption_of, intervals_about
from analysis.study.study import study
from tests.analysis.conftest import make_block

TEN = tuple(f"arm {letter}" for letter in "abcdefghij")


def report_of(folder, block):
    write_block(folder / "p.parquet", block)
    return report.write_report(folder / "p.parquet", folder / "out", resamples=100)


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """Ten arms, five seeds."""
    block = make_block(auroc=tuple(0.7 + 0.025 * i for i in range(10)), seeds=5, images=200)
    return report_of(tmp_path_factory.mktemp("ten"), replace(block, arms=TEN))


def test_many_comparisons_are_grouped_and_none_is_lost(ten):
    ((_, _, lines),) = ten.sentences
    assert len(lines) <= 12
    counts = [int(number) for line in lines for number in re.findall(r"\((\d+) of 45 pairs\)", line)]
    counts += [int(number) for line in lines for number in re.findall(r"than (\d+) of the 9 other arms", line)]
    assert sum(counts) == 45
    rows = ten.pairwise[ten.pairwise["verdict"].isin(["better", "worse"])]
    won = rows.assign(winner=rows["arm_b"].where(rows["verdict"] == "better", rows["arm_a"])).groupby("winner")
    winners = [line for line in lines if "is better" in line]
    assert len(rows) > 10 and len(winners) == len(won)
    for winner, beaten in won:
        (line,) = [line for line in winners if line.startswith(f"{winner} is better")]
        sizes = beaten["difference"].abs()
        assert f"({sizes.min():+.3f}" in line and f"{sizes.max():+.3f})" in line


def test_many_arms_are_told_in_their_order_with_the_ranks_left_open(ten):
    ((_, _, (order, *lines)),) = ten.sentences
    ranked = ten.frames["rank_sets"]
    assert order.startswith("In the order of AUROC, with the ranks that the data leave open")
    assert [arm for _, arm in sorted((order.index(f"{arm}"), arm) for arm in TEN)] == ranked["arm"].tolist()
    last = ranked.iloc[-1]
    assert f"({last['rank_best']} to {last['rank_worst']}" in order
    assert lines[0].startswith(ranked["arm"].iloc[0]), "the best comes first"


def test_few_decided_pairs_keep_their_intervals():
    made = [comparison("a", "b", "better", 0.1)] + [comparison("a", f"x{i}", "inconclusive", 0.0) for i in range(10)]
    assert "(+0.100, 95% CI +0.050 to +0.150)" in findings(made)[0]
    assert findings([comparison("a", f"x{i}", "inconclusive", 0.0) for i in range(11)])[-1].endswith("all of them.")


def test_a_losing_arm_stands_under_its_winner_with_the_sign_turned():
    made = [comparison("a", "b", "worse", -0.1)] + [comparison("a", f"x{i}", "inconclusive", 0.0) for i in range(10)]
    sentence = findings(made)[0]
    assert sentence == (
        "a is better in AUROC than 1 of the 11 other arms (intervals simultaneous over 11 comparisons): "
        "b (+0.100, 95% CI +0.050 to +0.150)."
    )


def comparison(arm_a, arm_b, verdict, estimate):
    return SimpleNamespace(
        arm_a=arm_a,
        arm_b=arm_b,
        verdict=verdict,
        estimate=estimate,
        family=11,
        looks=None,
        for_models=False,
        family_interval=(estimate - 0.05, estimate + 0.05),
        metric=SimpleNamespace(label="AUROC"),
        margin=0.02,
        scored=SimpleNamespace(block=SimpleNamespace(arms=("a", "b", *(f"x{i}" for i in range(10))))),
    )


def test_the_forest_of_many_arms_says_what_it_leaves_out_and_the_matrix_has_it(ten):
    page = ten.index.read_text()
    assert 'id="figure-matrix"' in page
    assert any("10 arms make 45 pairs. The forest plot shows those with 'arm a'" in remark for remark in ten.remarks)


@pytest.mark.parametrize("arms", [3, 10])
def test_all_that_is_not_tested_is_one_sentence(tmp_path, arms):
    block = make_block(auroc=(0.8,) * arms, seeds=1, images=60)
    written = report_of(tmp_path, replace(block, arms=TEN[:arms]))
    ((_, _, lines),) = written.sentences
    assert len(lines) == 1 and lines[0].startswith(
        f"None of the {arms * (arms - 1) // 2} differences in AUROC is tested"
    )
    assert ("stand in the table 'pairwise'" in lines[0]) == (arms == 10)


def test_one_seed_is_never_said_to_speak_of_new_training_samples(tmp_path):
    written = report_of(
        tmp_path, replace(make_block(auroc=(0.7, 0.8), seeds=1, images=60), arms=("scratch", "imagenet"))
    )
    text = report.summary_text(written)
    assert "95% intervals for these trained models and new patients" in text
    assert "new training" not in text and "joint" not in text
    page = re.sub(r"<svg.*?</svg>", "", written.index.read_text(), flags=re.DOTALL)
    head = page[: page.index('<h2 id="figures">')]
    assert "Intervals are for these trained models and new patients" in head and "No verdict is reached" in head
    assert "Holm-adjusted p below" not in head and "new training sample" not in head
    for caption in re.findall(r'<(?:figcaption|p class="caption")>(.*?)<', page):
        if "joint" in caption or "new training sample" in caption or "new seeds" in caption:
            assert "the trained models are held fixed: every interval is about these trained models" in caption


def test_several_seeds_and_a_mixture():
    several, single = make_block(seeds=3, images=60), replace(make_block(seeds=1, images=60), dataset="alone")
    together = "new patients and new training samples together"
    assert intervals_about(study(Predictions((several,), {}, ()), resamples=100)) == together
    mixed = study(Predictions((several, single), {}, ()), resamples=100)
    assert intervals_about(mixed) == f"{together}; for these trained models and new patients in alone, n = 100"


def test_captions_for_one_seed():
    for shown in (*tables.MODULES.all(), *figures.MODULES.all()):
        assert caption_of(shown, models_fixed=False) == shown.CAPTION
        assert caption_of(shown, models_fixed=True).endswith(".")
    assert "joint" not in caption_of(figures.MODULES.find("forest"), models_fixed=True)
