"""The answer says what the arms reached and what may be said, and nothing that the comparisons do not."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from analysis import report
from analysis.page.answer import answer
from analysis.simulation.simulate import write_block
from tests.analysis.conftest import make_block


def pair(arm_a, arm_b, verdict, estimate=0.1):
    interval = (estimate - 0.05, estimate + 0.05)
    return SimpleNamespace(
        arm_a=arm_a, arm_b=arm_b, verdict=verdict, estimate=estimate, family_interval=interval, margin=0.02
    )


def scored(values, estimand="population", n=100):
    """Arms with these values and intervals of +-.01, as the answer asks for them."""
    from benchmark import metrics

    block = SimpleNamespace(arms=tuple(values), n_per_class=n, estimand=estimand, seeds=(0, 1, 2), rho_known=True)
    arms = list(values.values())
    return SimpleNamespace(block=block, metric=metrics.find("auroc"), arm=lambda a: SimpleNamespace(estimate=arms[a]))


@pytest.fixture(autouse=True)
def intervals(monkeypatch):
    monkeypatch.setattr(
        "analysis.page.answer.arm_interval", lambda s, a: (s.arm(a).estimate - 0.01, s.arm(a).estimate + 0.01)
    )


def test_values_are_absolute_and_the_best_comes_first():
    text = answer(scored({"scratch": 0.8, "imagenet": 0.9}), [pair("scratch", "imagenet", "better")])
    assert text == (
        "With 100 labelled images per class, AUROC for new patients and new training samples together is: imagenet "
        "0.900 (95% CI 0.890 to 0.910), scratch 0.800 (0.790 to 0.810). Better than scratch: imagenet (+0.100, +0.050 "
        "to +0.150)."
    )


def test_verdicts_are_told_from_the_side_of_the_other_arm():
    """Where the reference stands second, its better is the other's worse, and the difference changes sign."""
    text = answer(scored({"scratch": 0.8, "imagenet": 0.7}), [pair("imagenet", "scratch", "better")])
    assert "Worse than scratch: imagenet (-0.100, -0.150 to -0.050)." in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("equivalent", "Equivalent to scratch: b (+0.000, -0.050 to +0.050); the difference lies within the margin"),
        ("inconclusive", "Open against scratch: b (+0.000, -0.050 to +0.050); the interval does not decide"),
        ("not tested", "No difference is tested."),
    ],
)
def test_open_and_equivalent_are_not_confused(verdict, words):
    assert words in answer(scored({"scratch": 0.8, "b": 0.8}), [pair("scratch", "b", verdict, 0.0)])


def test_fixed_models_are_named_as_such():
    text = answer(scored({"a": 0.8}, "models", n=0), [])
    assert text == "AUROC for these trained models and new patients is: a 0.800 (95% CI 0.790 to 0.810)."


def test_many_arms_are_counted_and_not_listed():
    arms = {f"arm {i}": 0.9 - i / 100 for i in range(9, -1, -1)}
    names = list(arms)
    pairs = [pair(a, b, "better") for i, a in enumerate(names) for b in names[i + 1 :]]
    text = answer(scored(arms), pairs)
    assert "5 more arms in the table" in text and len(text) < 800
    assert "Of the 36 pairs of other arms 36 differ, 0 are equivalent and 0 are open." in text


def test_the_page_gives_the_answer_before_every_comparison(tmp_path):
    write_block(tmp_path / "p.parquet", replace(make_block(seeds=3), rho_known=True))
    made = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    page = made.index.read_text()
    ((_, _, paragraph),) = made.head.answers
    places = [page.index(text) for text in (paragraph[:40], "<figure", 'id="table-arms"', 'id="comparisons"')]
    assert places == sorted(places) and page.count('id="table-arms"') == 1
