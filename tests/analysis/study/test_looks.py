"""Looks at planned numbers of seeds: what is claimed, what stays claimed, and what the report says of it."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.plan import main as plan_main
from analysis.predictions.block import Predictions
from analysis.predictions.reading import read_predictions
from analysis.report import main, write_report
from analysis.simulation import familywise
from analysis.statistics.sequential import Looks, levels
from analysis.study.locked_plan import LockedPlan, read_plan, write_plan
from analysis.study.looks import caution, compare_at_looks, first_seeds, look_of
from analysis.study.rankings import rankings
from analysis.study.scores import score
from analysis.study.study import study
from benchmark import metrics
from benchmark.errors import InputError
from tests.analysis.conftest import make_block
from tests.analysis.simulated_run import settings, write_run

SEEDS = (3, 5, 10)
PLAN = LockedPlan("auroc", 0.02, "population", (), (), (), "2020-01-01T00:00:00+00:00", SEEDS)


def scored(*differences, share=0.5):
    """A block of two arms a row of seeds' differences, patients as in the simulations."""
    studies = np.array([np.stack([np.zeros(len(row)), row]) for row in differences])
    return familywise.scored(familywise.Case(studies.shape[-1], 1, share), studies)


def steps_of(differences, at, margin=1e3):
    members = [first_seeds(member, at) for member in scored(*differences)]
    return compare_at_looks(members, margin, Looks(SEEDS, at))


@pytest.mark.parametrize("metric", ["auroc", "brier", "average_precision"])
def test_the_first_seeds_are_scored_as_if_there_were_no_others(metric):
    block = make_block(seeds=5, images=80)
    few = replace(block, seeds=block.seeds[:3], scores=block.scores[:, :3])
    part, alone = first_seeds(score(block, metrics.find(metric)), 3), score(few, metrics.find(metric))
    assert part.block.seeds == (0, 1, 2) and part.block.scores.shape == few.scores.shape
    assert part.values == pytest.approx(alone.values) and part.covariance == pytest.approx(alone.covariance)
    assert part.pair(0, 2).p == pytest.approx(alone.pair(0, 2).p)


def test_ranks_at_a_look_leave_open_what_its_level_does():
    block = make_block(auroc=(0.7, 0.75, 0.9), seeds=5, images=150)
    predictions = Predictions((block,), {}, ())
    without, at_look = study(predictions, resamples=100), study(predictions, resamples=100, looks=Looks(SEEDS, 5))
    for made in (without, at_look):
        (member,) = made.scored
        assert made.rankings(member) == rankings(member, made.comparisons[0].alpha)
        assert made.rankings(member) is made.rankings(member), "they are computed once"
    assert at_look.comparisons[0].alpha == pytest.approx(levels(SEEDS)[1] / 3)
    sizes = [sum(arm.worst - arm.best for arm in made.rankings(made.scored[0])) for made in (without, at_look)]
    assert sizes[0] < sizes[1]


def test_a_look_is_tested_and_shown_at_its_level():
    rng = np.random.default_rng(0)
    steps = steps_of(rng.normal(2, 1, (2, 10)), 5)
    assert [comparison.looks.at for step in steps for comparison in step] == [3, 3, 5, 5]
    of_looks = levels(SEEDS)
    for step, level, count in zip(steps, of_looks, SEEDS, strict=False):
        for comparison in step:
            assert comparison.seeds == count and comparison.level == pytest.approx(level)
            assert comparison.interval == comparison.inference.interval(1 - comparison.level)
            assert comparison.family_interval == comparison.inference.interval(1 - comparison.level / 2)
            assert "repeated 95% CI" in comparison.sentence
    smallest = min(
        min(step[i].inference.p * 0.05 / level for step, level in zip(steps, of_looks, strict=False)) for i in range(2)
    )
    assert min(c.adjusted_p for c in steps[-1]) == pytest.approx(min(1, 2 * smallest))


def test_what_was_decided_stays_decided_with_its_direction():
    early = np.array([2.3, 2.35, 2.25, 2.3, 2.3, -20, -20, -20, -20, -20])
    (first,), (second,), (last,) = steps_of([early], 10, margin=1.0)
    assert (first.verdict, first.decided) == ("inconclusive", None)
    assert second.verdict == last.verdict == "better" and last.estimate < 0
    assert second.decided.seeds == last.decided.seeds == 5
    assert last.adjusted_p == second.adjusted_p < 0.05


def test_equivalence_is_spent_on_too():
    near = np.array([0.1, -0.1, 0.05, 0.0, -0.05, 0.1, -0.1, 0.05, 0, 0])
    steps = steps_of([near], 10, margin=2.05)
    tost = [step[0].equivalence.tost_p for step in steps]
    expected = np.minimum.accumulate(np.minimum(np.array(tost) * 0.05 / levels(SEEDS), 1))
    assert [step[0].equivalent_p for step in steps] == pytest.approx(expected)
    assert steps[-1][0].verdict == "equivalent" and steps[0][0].verdict == "inconclusive"


def blocks(seeds=(0, 1, 2, 3, 4), datasets=("a",)):
    return [
        SimpleNamespace(dataset=d, n_per_class=100, seeds=tuple(seeds), arms=("scratch", "imagenet")) for d in datasets
    ]


def test_a_look_is_at_the_seeds_and_the_family_that_were_planned():
    spec = {"spec": {"datasets": ["a", "b"], "n_per_class": [100], "arms": ["scratch", "imagenet"], "seeds": 10}}
    assert look_of(SEEDS, blocks(datasets=("a", "b")), spec) == Looks(SEEDS, 5)
    assert look_of(SEEDS, blocks(range(1, 6)), {}) == Looks(SEEDS, 5)  # somebody counts from 1
    assert look_of(SEEDS, blocks(range(4)), {}) is None and look_of((), blocks(), {}) is None
    with pytest.raises(InputError, match="b/n100/scratch, b/n100/imagenet have none"):
        look_of(SEEDS, blocks(), spec)
    with pytest.raises(InputError, match="finished first"):
        look_of(SEEDS, blocks((0, 1, 2, 4, 7)), {})
    with pytest.raises(InputError, match="finished first"):
        look_of(SEEDS, blocks(range(1, 6), ("a", "b")), spec)


def test_looking_without_a_plan_is_said_to_cost_error():
    assert "looking costs error" in caution((), blocks(), 10, False) and "5 training seeds of 10" in caution(
        (), blocks(), 10, True
    )
    assert "looking costs error" in caution((), blocks(), None, True)
    assert caution((), blocks(), 5, True) is None and caution((), blocks(), None, False) is None
    assert "looks at 3, 5 and 10 seeds, and these are 4 " in caution(SEEDS, blocks(range(4)), 10, True)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """A run of 10 seeds, of which the second arm has 5."""
    run = tmp_path_factory.mktemp("unfinished")
    write_run(run, settings(datasets=("made up",), n_per_class=(100,), seeds=10, budget=2), (0.72, 0.95), images=200)
    for cell in run.glob("cells/*/n100/seed*/imagenet"):
        if int(cell.parent.name[4:]) >= 5:
            shutil.rmtree(cell)
    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Reports without figures, which take most of their time."""
    monkeypatch.setattr("analysis.figures.draw_all", lambda study, folder, paper: [])


def locked(run, plan=PLAN):
    path = run / f"plan{len(plan.looks)}.toml"
    if not path.exists():
        write_plan(plan, path)
    return path


def test_an_unfinished_run_is_refused_with_the_seeds_that_it_has(unfinished, tmp_path, capsys):
    assert main([str(unfinished), "--out", str(tmp_path)]) == 2
    assert "look at the first 5, which are complete, with --seeds 5" in capsys.readouterr().err
    assert main([str(unfinished), "--out", str(tmp_path), "--seeds", "6"]) == 2
    assert main([str(unfinished), "--out", str(tmp_path), "--seeds", "0"]) == 2
    with pytest.raises(InputError, match="10 training seeds, fewer than the first 11"):
        read_predictions(unfinished, first=11)
    assert read_predictions(unfinished, first=4).blocks[0].seeds == (0, 1, 2, 3)


def test_the_report_of_a_look_says_what_is_spent_and_decided(unfinished, undrawn, tmp_path):
    report = write_report(unfinished, tmp_path, resamples=100, plan=locked(unfinished), seeds=5)
    page = (tmp_path / "index.html").read_text()
    assert "Look 2 of 3, at 5 of 10 training seeds" in page and ".0052" in page and ".0056" in page
    assert "imagenet - scratch (better)" in page and "training may stop here" in page
    assert "is kept to" in report.remarks[0] and not report.head.warnings
    assert report.frames["looks"]["seeds"].tolist() == [3, 5]
    row = report.pairwise.iloc[0]
    assert row["ci_high"] - row["ci_low"] > 2 * 2.5 * row["se"]
    assert row["p_holm"] > row["p"] * 9 and row["verdict"] == "better"
    assert report.arms["ci_high"].iloc[0] == pytest.approx(arm_end(report.arms.iloc[0], levels(SEEDS)[1]), abs=0.02)


def arm_end(row, level):
    """About the upper end of an arm's repeated interval, by Student's t."""
    from scipy.stats import t

    return row["estimate"] + t.isf(level / 2, row["df"]) * row["se"]


def test_other_numbers_of_seeds_are_exploratory(unfinished, undrawn, tmp_path):
    report = write_report(unfinished, tmp_path, resamples=100, plan=locked(unfinished), seeds=4)
    assert any("4, at which no look is planned (but at 3, 5, 10)" in remark for remark in report.remarks)
    assert report.head.warnings[0].startswith("Exploratory: the plan looks at 3, 5 and 10 seeds")
    assert "looks" not in report.frames and not report.head.looks


def test_looks_are_locked_and_leave_the_hash_of_other_plans_alone(tmp_path, capsys):
    assert plan_main(["--lock", str(tmp_path / "plan.toml"), "--looks", "3,5,10"]) == 0
    assert "look at   5 seeds: level 0.0052" in capsys.readouterr().out
    assert read_plan(tmp_path / "plan.toml").looks == SEEDS
    (tmp_path / "plan.toml").rename(tmp_path / "changed.toml")
    (tmp_path / "changed.toml").write_text((tmp_path / "changed.toml").read_text().replace("[3, 5, 10]", "[3, 4, 10]"))
    with pytest.raises(InputError, match="changed after it was locked"):
        read_plan(tmp_path / "changed.toml")
    plain = replace(PLAN, looks=())
    assert "looks" not in plain.content and plain.hash.startswith("50f48af54be8")
    for flags, said in ((["--looks", "5,3"], "must rise"), (["--looks", "2,5"], "at least 3")):
        assert plan_main(["--lock", str(tmp_path / "b.toml"), *flags]) == plan_main(flags) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(InputError, match="holds fixed"):
        replace(PLAN, estimand="models")


def test_the_plan_says_what_looks_cost_and_save(capsys):
    assert plan_main(["--difference", "0.08", "--looks", "3,5,10"]) == 0
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines() if line.split()[:1] in (["3"], ["5"], ["10"])][-3:]
    assert [row[:3] for row in rows] == [
        ["3", "0.0003", "0.0003"],
        ["5", "0.0052", "0.0056"],
        ["10", "0.0444", "0.0500"],
    ]
    assert float(rows[1][3]) > 0.3 and float(rows[2][4]) <= 0.05
    assert "one look at 10 seeds: claimed in" in text and "mean number of seeds until 0.08 is claimed" in text
