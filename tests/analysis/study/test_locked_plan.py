"""A plan is locked once, cannot be changed unseen, and a report says what departs from it."""

import os

import pytest

from analysis.report import write_report
from analysis.study.locked_plan import LockedPlan, read_plan, write_plan
from benchmark.errors import InputError
from tests.simulated import info, predictions, written

PLAN = LockedPlan("auroc", 0.03, "population", ("sim",), ("scratch", "imagenet"), (100,), "2020-01-01T00:00:00+00:00")


@pytest.fixture
def source(tmp_path):
    return written(tmp_path / "p.parquet", predictions(seeds=3), info(overlap={"100": 0.0}))


def remark(source, tmp_path, plan, **options):
    path = tmp_path / "plan.toml"
    write_plan(plan, path)
    return write_report(source, tmp_path / "report", plan=path, resamples=100, **options).remarks[0]


def changed(**fields):
    from dataclasses import replace

    return replace(PLAN, **fields)


def test_it_comes_back_as_it_was_written_and_is_not_locked_twice(tmp_path):
    write_plan(PLAN, tmp_path / "plan.toml")
    assert read_plan(tmp_path / "plan.toml") == PLAN
    with pytest.raises(InputError, match="there already"):
        write_plan(PLAN, tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metric = ", "not valid TOML"),
        ('metric = "auroc"', "no locked plan"),
        ("nothing = 1", "no locked plan"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text, said):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_plan(tmp_path / "plan.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "other.toml")


def test_a_change_breaks_the_hash(tmp_path):
    path = tmp_path / "plan.toml"
    write_plan(PLAN, path)
    path.write_text(path.read_text().replace("0.03", "0.05"))
    with pytest.raises(InputError, match="changed after it was locked"):
        read_plan(path)


def test_a_plan_that_is_kept_to_sets_metric_and_margin(source, tmp_path):
    assert remark(source, tmp_path, PLAN).endswith("and is kept to.")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "margin of equivalence is 0.03" in page and PLAN.hash[:12] in page


@pytest.mark.parametrize(
    ("plan", "options", "said"),
    [
        (PLAN, {"metric": "brier"}, "the metric is brier, not auroc"),
        (PLAN, {"margin": 0.01}, "the margin is 0.01, not 0.03"),
        (changed(arms=("scratch", "medical")), {}, "the arms are imagenet, scratch, not medical, scratch"),
        (changed(n_per_class=(100, 200)), {}, "the n per class are 100, not 100, 200"),
        (PLAN, {"estimand": "models"}, "the claims are about these models, not the population"),
        (changed(estimand="models"), {"estimand": "pool"}, "the claims are about this pool, not these models"),
        (changed(locked="2999-01-01T00:00:00+00:00"), {}, "after the first predictions"),
    ],
)
def test_departures_are_named_first(source, tmp_path, plan, options, said):
    os.utime(source, (1.7e9, 1.7e9))
    assert said in remark(source, tmp_path, plan, **options)


def test_a_family_that_is_left_open_departs_from_nothing(source, tmp_path):
    assert "is kept to" in remark(source, tmp_path, changed(datasets=(), arms=(), n_per_class=()))


def test_a_plan_sets_the_estimand(source, tmp_path):
    assert remark(source, tmp_path, changed(estimand="models")).endswith("and is kept to.")
    assert "for these trained models and new patients" in (tmp_path / "report" / "index.html").read_text()
    with pytest.raises(InputError, match="unknown estimand 'the population'"):
        changed(estimand="the population")


def test_the_command_locks_a_plan(tmp_path, capsys):
    from analysis.plan import main

    flags = [
        "--lock",
        str(tmp_path / "plan.toml"),
        "--margin",
        "0.03",
        "--arms",
        "scratch,imagenet",
        "--n-per-class",
        "100",
    ]
    assert main(flags) == 0
    plan = read_plan(tmp_path / "plan.toml")
    assert (plan.margin, plan.arms, plan.n_per_class, plan.datasets) == (0.03, ("scratch", "imagenet"), (100,), ())
    assert plan.hash in capsys.readouterr().out
    assert main(flags) == 2
    assert main(["--lock", str(tmp_path / "b.toml"), "--metric", "auroq"]) == 2
    assert "Did you mean 'auroc'" in capsys.readouterr().err
